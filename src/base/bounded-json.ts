/** JSON of others: what it takes of memory is bounded before it is parsed. */

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

const MAX_DEPTH = 100;
/** 16 MB of empty lists are half a gigabyte of objects; a reply of 50,000 instances has about 2,000,000 values. */
const MAX_VALUES = 4_000_000;

/** What is wrong with it, for people. */
export class JsonProblem extends Error {
  /** it may be JSON, but is more than we take */
  readonly isBeyondBounds: boolean;

  constructor(message: string, isBeyondBounds: boolean) {
    super(message);
    this.isBeyondBounds = isBeyondBounds;
  }
}

/** @param octets UTF-8; what is none becomes U+FFFD. Throws a {@link JsonProblem}. */
export function parseBoundedJson(octets: Buffer): unknown {
  const problem = problemOfJson(octets);
  if (problem !== undefined) throw new JsonProblem(problem, true);
  try {
    return JSON.parse(octets.toString('utf8'));
  } catch {
    throw new JsonProblem('not JSON', false);
  }
}

/** @returns why it is not to be parsed, for people; what is no JSON at all has no bounds either */
export function problemOfJson(octets: Uint8Array): string | undefined {
  let depth = 0;
  let values = 0;
  for (let i = 0; i < octets.length; i++) {
    switch (octets[i]) {
      case QUOTE:
        i = endOfText(octets, i);
        break;
      case OPEN_LIST:
      case OPEN_OBJECT:
        values++;
        if (++depth > MAX_DEPTH) return `over ${MAX_DEPTH} deep`;
        break;
      case CLOSE_LIST:
      case CLOSE_OBJECT:
        depth--;
        break;
      case COMMA:
        values++;
        break;
    }
    if (values > MAX_VALUES) return `over ${MAX_VALUES} values`;
  }
  return undefined;
}

/** @returns where the quote is that ends it; the end of all, when there is none */
function endOfText(octets: Uint8Array, start: number): number {
  for (let at = octets.indexOf(QUOTE, start + 1); at >= 0; at = octets.indexOf(QUOTE, at + 1)) {
    let before = at - 1;
    while (octets[before] === BACKSLASH) before--;
    if ((at - before) % 2 === 1) return at;
  }
  return octets.length;
}
