import { didYouMeanText } from '../base/did-you-mean.ts';
import { MAX_TTL, parsePeriod } from './period.ts';
import type { FieldReader } from './rdata/field-reader.ts';
import { shown, type Token } from './token.ts';
import { isMetaType, parseType, TYPE } from './types.ts';

/** What stands between owner and data: `[TTL] [class] type`, TTL and class in either order (RFC 1035 section 5.1). */
export interface EntryHead {
  readonly type: number;
  readonly ttl: number | undefined;
}

const RECORD_TYPES = Object.keys(TYPE).filter((name) => !isMetaType(TYPE[name as keyof typeof TYPE]));
const CLASS = /^(?:IN|CH|CS|HS|NONE|CLASS\d+)$/i;

/** @returns undefined after a failure, which the reader holds */
export function readHead(reader: FieldReader, owner: Token | undefined): EntryHead | undefined {
  let ttl: number | undefined;
  let hasClass = false;
  for (let first = true; ; first = false) {
    const token = reader.take('a type');
    if (token === undefined) return undefined;
    const type = token.quoting === 'none' ? parseType(token.text) : undefined;
    if (type !== undefined) {
      if (!isMetaType(type)) return { type, ttl };
      reader.fail(`type ${token.text} is for questions, not for records`);
    } else if (token.quoting === 'none' && CLASS.test(token.text)) {
      if (!/^(?:IN|CLASS0*1)$/i.test(token.text)) reader.fail(`class '${token.text}': only IN is served`);
      if (hasClass) reader.fail(`a second class '${token.text}'`);
      hasClass = true;
    } else if (token.quoting === 'none' && /^\d[\dA-Za-z]*$/.test(token.text)) {
      if (ttl !== undefined) reader.fail(`a second TTL '${token.text}'`);
      ttl = parsePeriod(token.text);
      if (ttl === undefined) reader.fail(`expected a TTL such as 3600 or 1h30m, found '${token.text}'`);
      else if (ttl > MAX_TTL) reader.fail(`TTL '${token.text}' is over ${MAX_TTL}`);
    } else {
      reader.fail(`expected a type, found ${shown(token)}${hint(token, reader.peek(), first, owner)}`);
    }
  }
}

/** @param owner the token in front of the head; undefined in an entry that starts with a blank */
function hint(token: Token, next: Token | undefined, first: boolean, owner: Token | undefined): string {
  if (token.quoting !== 'none') return '';
  if (first && owner === undefined) {
    if (token.text.startsWith('$')) return '; a directive stands at the very start of its line';
    if (next !== undefined && (isHead(next) || parsePeriod(next.text) !== undefined)) {
      return '; an owner name stands at the very start of its line';
    }
  }
  const meant = didYouMeanText(token.text, RECORD_TYPES);
  if (meant !== '' || !first || owner === undefined || !isHead(owner)) return meant;
  return `; '${owner.text}' at the start of the line is taken for the owner, put a blank in front of it`;
}

/** Whether it is most likely a type or a class: a type in small letters may as well be a name, such as `a` or `ns`. */
function isHead({ text }: Token): boolean {
  return CLASS.test(text) || (text === text.toUpperCase() && parseType(text) !== undefined);
}
