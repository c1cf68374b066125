import type { DomainName } from '../name/domain-name.ts';
import { octets } from '../name/octets.ts';
import type { RRset } from './record.ts';
import { SOA_NUMBERS } from './static-zone.ts';
import { TYPE } from './types.ts';

const CLASS_IN = 1;
const POINTER = 0xc000;

/** Octets with compression pointers (RFC 1035 section 4.1.4) in them, which depend on where things stand in the message. */
interface Pattern {
  readonly octets: Uint8Array;
  readonly pointers: readonly {
    readonly at: number;
    /** whether it points to the apex in front of the section, or into the section itself … */
    readonly toApex: boolean;
    /** … so many octets behind where that begins */
    readonly offset: number;
  }[];
}

/**
 * The SOA record in the authority section of negative answers (RFC 2308 section 3), written once: what remains for each
 * reply are pointers and the serial. It is octet for octet what the general encoder writes.
 */
export class SoaSection {
  /** The labels right above the apex in the names of the RDATA; see {@link sharesLabel}. */
  readonly #nearLabels: readonly Uint8Array[];
  readonly #alone: Pattern;
  readonly #behind: Pattern;

  /** Octets that it may have. */
  get length(): number {
    return this.#alone.octets.length;
  }

  /** @param ttl seconds */
  constructor(apex: DomainName, soa: RRset, ttl: number) {
    const rdata = soa.rdatas[0] ?? octets('');
    const mname = nameAt(rdata, 0);
    const rname = nameAt(rdata, mname.length);
    const numbers = rdata.slice(mname.length + rname.length);
    this.#alone = patternOf(apex, mname, rname, numbers, ttl, false);
    this.#behind = patternOf(apex, mname, rname, numbers, ttl, true);
    this.#nearLabels = [mname, rname].flatMap((name) => {
      if (name.length <= apex.length || !name.endsWith(apex)) return [];
      let label = 0;
      for (let at = 0; at < name.length - apex.length; at += name.charCodeAt(at) + 1) label = at;
      return [Uint8Array.from(Buffer.from(name.slice(label, name.length - apex.length), 'latin1'))];
    });
  }

  /**
   * Whether a name in front of the section, whose label right above the apex stands here, might be pointed to by more than
   * its apex: then the general encoder has to write.
   */
  sharesLabel(octets: Uint8Array, at: number): boolean {
    for (const label of this.#nearLabels) {
      let i = 0;
      while (i < label.length && label[i] === octets[at + i]) i++;
      if (i === label.length) return true;
    }
    return false;
  }

  /**
   * @param apexAt where the apex stands in front of it, spelled as the zone spells it; 0: it does not
   * @returns where it ends
   */
  write(out: Uint8Array, at: number, apexAt: number, serial: number): number {
    const { octets, pointers } = apexAt === 0 ? this.#alone : this.#behind;
    const { length } = octets;
    for (let i = 0; i < length; i++) out[at + i] = octets[i] as number;
    for (let i = 0; i < pointers.length; i++) {
      const pointer = pointers[i] as Pattern['pointers'][number];
      const target = POINTER | ((pointer.toApex ? apexAt : at) + pointer.offset);
      out[at + pointer.at] = target >> 8;
      out[at + pointer.at + 1] = target & 0xff;
    }
    const end = at + length;
    out[end - SOA_NUMBERS] = serial >>> 24;
    out[end - SOA_NUMBERS + 1] = serial >>> 16;
    out[end - SOA_NUMBERS + 2] = serial >>> 8;
    out[end - SOA_NUMBERS + 3] = serial;
    return end;
  }
}

function nameAt(rdata: string, start: number): DomainName {
  let end = start;
  while (rdata.charCodeAt(end) > 0) end += rdata.charCodeAt(end) + 1;
  return rdata.slice(start, end + 1) as DomainName;
}

function patternOf(
  apex: DomainName,
  mname: DomainName,
  rname: DomainName,
  numbers: string,
  ttl: number,
  isBehind: boolean,
): Pattern {
  const written: number[] = [];
  const pointers: { at: number; toApex: boolean; offset: number }[] = [];
  const known = new Map<string, { toApex: boolean; offset: number }>();
  if (isBehind) {
    for (let at = 0; apex.charCodeAt(at) > 0; at += apex.charCodeAt(at) + 1)
      known.set(apex.slice(at), { toApex: true, offset: at });
  }
  const name = (text: DomainName) => {
    for (let at = 0; text.charCodeAt(at) > 0; ) {
      const target = known.get(text.slice(at));
      if (target !== undefined) {
        pointers.push({ at: written.length, ...target });
        written.push(0, 0);
        return;
      }
      known.set(text.slice(at), { toApex: false, offset: written.length });
      const end = at + text.charCodeAt(at) + 1;
      for (; at < end; at++) written.push(text.charCodeAt(at));
    }
    written.push(0);
  };
  const u16 = (value: number) => written.push(value >> 8, value & 0xff);
  name(apex);
  u16(TYPE.SOA);
  u16(CLASS_IN);
  u16(ttl >>> 16);
  u16(ttl & 0xffff);
  const lengthAt = written.length;
  u16(0);
  name(mname);
  name(rname);
  for (let i = 0; i < numbers.length; i++) written.push(numbers.charCodeAt(i));
  const length = written.length - lengthAt - 2;
  written[lengthAt] = length >> 8;
  written[lengthAt + 1] = length & 0xff;
  return { octets: Uint8Array.from(written), pointers };
}
