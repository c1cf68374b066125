import { toText } from '../name/domain-name.ts';
import { rdataText } from './rdata/formats.ts';
import type { ResourceRecord } from './record.ts';
import { typeText } from './types.ts';

/** A record as a line of a master file, absolute and with everything written out, as dig shows it. */
export function recordText({ name, type, ttl, rdata }: ResourceRecord): string {
  return `${toText(name)}\t${ttl}\tIN\t${typeText(type)}\t${rdataText(type, rdata)}`;
}
