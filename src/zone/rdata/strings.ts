import { u8 } from '../../name/octets.ts';
import { escapeString, quoteString } from './char-string.ts';
import { charString, domainName, uint8, uint16 } from './fields.ts';
import { type Field, type Finding, sequence } from './format.ts';
import { WireCursor } from './wire-cursor.ts';

/** Types whose data is character-strings. */

/** RFC 1035 section 3.3.14: one string or more */
export const TXT = sequence([
  {
    parse: (reader) => {
      let rdata = '';
      do {
        const value = reader.string('a string');
        rdata += u8(value.length) + value;
      } while (reader.hasMore);
      return rdata;
    },
    text: (cursor) => {
      const strings: string[] = [];
      do strings.push(quoteString(cursor.string('a string')));
      while (cursor.left > 0);
      return strings.join(' ');
    },
  },
]);

/** RFC 1035 section 3.3.2 */
export const HINFO = sequence([charString('the CPU'), charString('the operating system')]);

const TAG: Field = {
  parse: (reader) => {
    const tag = reader.word('a tag such as issue');
    if (reader.failure === undefined && !isTag(tag))
      reader.fail(`tag '${tag}': expected 1 to 255 letters and digits`);
    return u8(tag.length) + tag;
  },
  text: (cursor) => {
    const tag = cursor.string('the tag');
    if (!isTag(tag)) cursor.fail('the tag is not 1 to 255 letters and digits');
    return escapeString(tag);
  },
};

function isTag(text: string): boolean {
  return text.length <= 255 && /^[0-9a-zA-Z]+$/.test(text);
}

/** RFC 8659 section 4.1: the value has no length octet, so it may be longer than 255 octets */
export const CAA = sequence([
  uint8('the flags'),
  TAG,
  { parse: (reader) => reader.string('the value', 0xffff), text: (cursor) => quoteString(cursor.rest()) },
]);

/** RFC 3403 section 4.1 */
export const NAPTR = sequence(
  [
    uint16('the order'),
    uint16('the preference'),
    charString('the flags'),
    charString('the services'),
    charString('the regular expression'),
    domainName('the replacement'),
  ],
  {
    verify(rdata): Finding | undefined {
      const cursor = new WireCursor(rdata);
      cursor.octets(4, 'the order and the preference');
      if (!/^[0-9a-zA-Z]*$/.test(cursor.string('the flags'))) {
        return { field: 2, reason: 'the flags are not letters and digits' };
      }
      cursor.string('the services');
      const regexp = cursor.string('the regular expression');
      if (regexp === '') return undefined;
      if (!isSubstitution(regexp)) {
        return {
          field: 4,
          reason: `the regular expression '${regexp}' is not of the form !expression!replacement!`,
        };
      }
      // "mutually exclusive", RFC 3403 section 4.1
      if (cursor.left > 1)
        return { field: 5, reason: "with a regular expression the replacement must be '.'" };
      return undefined;
    },
  },
);

/** RFC 3402 section 3.2: a delimiter that is no digit, backslash or flag, three times unescaped, then flags. */
function isSubstitution(text: string): boolean {
  const delimiter = text.charAt(0);
  if (/[0-9\\i]/.test(delimiter)) return false;
  let seen = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === delimiter && ++seen === 3) return /^i*$/.test(text.slice(i + 1));
  }
  return false;
}
