import { type Octets, octets, toHex } from '../../name/octets.ts';
import type { FieldReader } from './field-reader.ts';

/** RDATA of any type as octets (RFC 3597 section 5): `\# LENGTH HEX…`. */

/** Whether the data starts with `\#`; quoted it would be a string. */
export function isGeneric(reader: FieldReader): boolean {
  const token = reader.peek();
  return token?.text === '\\#' && token.quoting === 'none';
}

export function readGeneric(reader: FieldReader): Octets {
  reader.take('\\#');
  const lengthToken = reader.peek();
  const length = reader.number('the length of the data', 0xffff);
  const rdata = reader.hex('the data');
  if (reader.failure === undefined && rdata.length !== length) {
    reader.fail(`the length is given as ${length}, but ${rdata.length} octets follow`, lengthToken);
  }
  return rdata;
}

export function genericText(rdata: Octets): string {
  return rdata === '' ? '\\# 0' : `\\# ${rdata.length} ${toHex(octets(rdata))}`;
}
