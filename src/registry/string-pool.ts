/** Few distinct texts in place of many equal ones. */

/** Beyond it the pool starts anew: it saves memory, and must not become a leak. */
const MAX_TEXTS = 65_536;
/** A longer one is nobody else's, or anything; it is not held here. */
const MAX_LENGTH = 1_024;

/**
 * Hands out one flat copy for equal texts. V8 keeps a cut-out of 13 or more characters as a view of the whole: without a
 * copy one host name would keep a provider's whole URL in memory.
 */
export class StringPool {
  readonly #texts = new Map<string, string>();

  take(text: string): string {
    if (text === '') return '';
    if (text.length > MAX_LENGTH) return flatCopy(text);
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    if (this.#texts.size >= MAX_TEXTS) this.#texts.clear();
    const copy = flatCopy(text);
    this.#texts.set(copy, copy);
    return copy;
  }
}

/** The same text, which keeps no longer one in memory that it was cut out of. */
export function flatCopy(text: string): string {
  return Buffer.from(text, 'utf16le').toString('utf16le');
}
