/** The first characters of a text that somebody else wrote. A copy: a piece of a long text would keep all of it in memory. */
export function firstOf(text: string, most: number): string {
  return text.length <= most ? text : Buffer.from(text.slice(0, most)).toString();
}
