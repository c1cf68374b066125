import { type DomainName, keyOf, ROOT } from '../../name/domain-name.ts';
import { type Octets, octets } from '../../name/octets.ts';
import { TYPE, typeText } from '../types.ts';
import { A, AAAA } from './addresses.ts';
import { DS, SSHFP, TLSA } from './digests.ts';
import type { FieldReader } from './field-reader.ts';
import type { NameLayout, RdataFormat } from './format.ts';
import { genericText, isGeneric, readGeneric } from './generic.ts';
import { LOC } from './loc.ts';
import { ALIAS, DNAME, MX, NS, SOA, SRV } from './names.ts';
import { CAA, HINFO, NAPTR, TXT } from './strings.ts';
import { SVCB } from './svcb.ts';
import { nameEnd } from './wire-cursor.ts';

/** The types whose data is understood. Data of all others is octets, written as `\# LENGTH HEX` (RFC 3597). */
const FORMATS: ReadonlyMap<number, RdataFormat> = new Map([
  [TYPE.A, A],
  [TYPE.NS, NS],
  [TYPE.CNAME, ALIAS],
  [TYPE.SOA, SOA],
  [TYPE.PTR, ALIAS],
  [TYPE.HINFO, HINFO],
  [TYPE.MX, MX],
  [TYPE.TXT, TXT],
  [TYPE.AAAA, AAAA],
  [TYPE.LOC, LOC],
  [TYPE.SRV, SRV],
  [TYPE.NAPTR, NAPTR],
  [TYPE.DNAME, DNAME],
  [TYPE.DS, DS],
  [TYPE.SSHFP, SSHFP],
  [TYPE.TLSA, TLSA],
  [TYPE.SVCB, SVCB],
  [TYPE.HTTPS, SVCB],
  [TYPE.CAA, CAA],
]);

const MAX_RDATA = 0xffff;

/** Reads the data of a record to the end of the entry. @returns undefined after a failure, which the reader holds */
export function parseRdata(type: number, reader: FieldReader): Octets | undefined {
  const format = FORMATS.get(type);
  let rdata: Octets;
  if (isGeneric(reader)) {
    const start = reader.peek();
    rdata = readGeneric(reader);
    const reason = reader.failure === undefined ? format?.check(rdata) : undefined;
    if (reason !== undefined) reader.fail(`not the data of ${typeText(type)}: ${reason}`, start);
  } else if (format === undefined) {
    const token = reader.take(`data of ${typeText(type)} as '\\# LENGTH HEX'`);
    if (token !== undefined)
      reader.fail(`data of ${typeText(type)} is only read in the form '\\# LENGTH HEX' (RFC 3597)`);
    return undefined;
  } else {
    rdata = format.parse(reader);
    reader.finish(`the data of ${typeText(type)}`);
    if (rdata.length > MAX_RDATA)
      reader.fail(`the data has ${rdata.length} octets, at most ${MAX_RDATA} fit`);
  }
  return reader.failure === undefined ? rdata : undefined;
}

/** The presentation form; of an unknown type, or of malformed data, that of RFC 3597. */
export function rdataText(type: number, rdata: Octets): string {
  const format = FORMATS.get(type);
  if (format === undefined || format.check(rdata) !== undefined) return genericText(rdata);
  return format.text(rdata);
}

/** @returns the reason when the wire form, names uncompressed, is not data of this type */
export function checkRdata(type: number, rdata: Octets): string | undefined {
  if (rdata.length > MAX_RDATA) return `${rdata.length} octets, at most ${MAX_RDATA} fit`;
  return FORMATS.get(type)?.check(rdata);
}

/** Where the names stand that a writer may compress: those of NS, CNAME, SOA, PTR and MX (RFC 3597 section 4). */
export function compressibleNames(type: number): NameLayout | undefined {
  const names = FORMATS.get(type)?.names;
  return names?.compress === true ? names : undefined;
}

/** Whether a reply with records of the type carries addresses along; see {@link additionalTarget}. */
export function mayHaveAdditional(type: number): boolean {
  return FORMATS.get(type)?.additional !== undefined;
}

/**
 * The name whose addresses a reply carries along: the target of NS, MX, SRV, SVCB and HTTPS.
 *
 * The root as a target means 'none' (RFC 2782, RFC 7505), and in SVCB of a priority above 0 the owner itself
 * (RFC 9460 section 2.5.2): there `owner` is returned.
 */
export function additionalTarget(type: number, rdata: Octets, owner?: DomainName): DomainName | undefined {
  const target = FORMATS.get(type)?.additional?.(rdata);
  if (target !== ROOT) return target;
  const isService = (type === TYPE.SVCB || type === TYPE.HTTPS) && !rdata.startsWith('\0\0');
  return isService ? owner : undefined;
}

/** Equal for equal data: names in it compare without case (RFC 4034 section 6.2 lists the types). */
export function rdataKey(type: number, rdata: Octets): Octets {
  const names = FORMATS.get(type)?.names;
  if (names === undefined) return rdata;
  let end = names.before;
  for (let i = 0; i < names.count; i++) end = nameEnd(rdata, end) ?? rdata.length;
  const lowered = keyOf(rdata.slice(names.before, end) as DomainName);
  return octets(rdata.slice(0, names.before) + lowered + rdata.slice(end));
}
