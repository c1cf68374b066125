/** Lists of texts in JSON, read one by one: they may be as long as a registry has names, and are mostly as they were. */

/**
 * Reads `["…","…"]`, and nothing else.
 *
 * @returns why it is none; undefined: all was read
 */
export function readTexts(octets: Buffer, take: (text: string) => void): string | undefined {
  let at = skipSpace(octets, 0);
  if (octets[at] !== OPEN) return 'the reply is no list';
  at = skipSpace(octets, at + 1);
  if (octets[at] === CLOSE) return undefined;
  for (;;) {
    if (octets[at] !== QUOTE) return 'the list has what is no text';
    let end = at + 1;
    let isPlain = true;
    while (end < octets.length && octets[end] !== QUOTE) {
      if (octets[end] === BACKSLASH) {
        isPlain = false;
        end++;
      }
      end++;
    }
    if (end >= octets.length) return 'the list ends too early';
    const text = isPlain
      ? octets.toString('utf8', at + 1, end)
      : unescaped(octets.toString('utf8', at, end + 1));
    if (text === undefined) return 'the list has what is no text';
    take(text);
    at = skipSpace(octets, end + 1);
    if (octets[at] === CLOSE) return undefined;
    if (octets[at] !== COMMA) return 'the list ends too early';
    at = skipSpace(octets, at + 1);
  }
}

const OPEN = 0x5b;
const CLOSE = 0x5d;
const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;

function skipSpace(octets: Buffer, from: number): number {
  let at = from;
  while (octets[at] === 0x20 || octets[at] === 0x0a || octets[at] === 0x0d || octets[at] === 0x09) at++;
  return at;
}

function unescaped(json: string): string | undefined {
  try {
    return JSON.parse(json) as string;
  } catch {
    return undefined;
  }
}
