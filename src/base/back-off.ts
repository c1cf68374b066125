/**
 * The pause before the next attempt. It doubles with each failure up to a limit; chance takes up to half of it, so that
 * the clients of a server that returns do not come all at once.
 *
 * @param chance from 0 to 1
 */
export function backOffMs(failures: number, minMs: number, maxMs: number, chance: number): number {
  return Math.min(maxMs, minMs * 2 ** Math.min(30, failures)) * (1 - chance / 2);
}
