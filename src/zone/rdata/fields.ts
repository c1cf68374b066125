import { type DomainName, toText } from '../../name/domain-name.ts';
import { u8 as octetOf, octets, toHex, u16, u32 } from '../../name/octets.ts';
import { quoteString } from './char-string.ts';
import type { Field } from './format.ts';

/** The kinds of fields that several types share (RFC 1035 section 3.3 and 5.1). */

export function uint8(what: string): Field {
  return {
    parse: (reader) => octetOf(reader.number(what, 0xff)),
    text: (cursor) => String(cursor.u8(what)),
  };
}

export function uint16(what: string): Field {
  return {
    parse: (reader) => u16(reader.number(what, 0xffff)),
    text: (cursor) => String(cursor.u16(what)),
  };
}

export function uint32(what: string): Field {
  return {
    parse: (reader) => u32(reader.number(what, 0xffffffff)),
    text: (cursor) => String(cursor.u32(what)),
  };
}

/** 32 bits of seconds. */
export function seconds(what: string, max = 0xffffffff): Field {
  return {
    parse: (reader) => u32(reader.period(what, max)),
    text: (cursor) => String(cursor.u32(what)),
  };
}

export function domainName(what: string): Field {
  return {
    parse: (reader) => reader.name(what),
    text: (cursor) => toText(cursor.name(what) as DomainName),
  };
}

export function charString(what: string): Field {
  return {
    parse: (reader) => {
      const value = reader.string(what);
      return octetOf(value.length) + value;
    },
    text: (cursor) => quoteString(cursor.string(what)),
  };
}

/** Octets to the end, written in hex over any number of tokens; at least one octet. */
export function hexToEnd(what: string): Field {
  return {
    parse: (reader) => {
      if (!reader.hasMore) reader.take(what);
      return reader.hex(what);
    },
    text: (cursor) => {
      if (cursor.left === 0) cursor.fail(`${what} is missing`);
      return toHex(octets(cursor.rest()));
    },
  };
}
