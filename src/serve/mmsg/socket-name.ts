/** `sockaddr_in` and `sockaddr_in6`, as the kernel has them. */
import { networkInterfaces } from 'node:os';
import type { Address } from '../../name/address.ts';
import { addressText, isIpv4, parseAddress } from '../../name/address.ts';
import { AF_INET, AF_INET6 } from './libc.ts';
import { NAME_LENGTH } from './message-batch.ts';

const PORT_AT = 2;
const ADDRESS_AT = { 4: 4, 6: 8 } as const;
const SCOPE_AT = 24;

export type Family = 4 | 6;

/** @param host in presentation form, `fe80::1%eth0` too; undefined: it is none */
export function socketName(host: string, port: number): Buffer | undefined {
  const [text = '', interfaceName] = host.split('%');
  const address = parseAddress(text);
  if (address === undefined) return undefined;
  const family: Family = isIpv4(address) ? 4 : 6;
  const name = Buffer.alloc(NAME_LENGTH[family]);
  name.writeUInt16LE(family === 4 ? AF_INET : AF_INET6, 0);
  name.writeUInt16BE(port, PORT_AT);
  name.write(address, ADDRESS_AT[family], 'latin1');
  if (interfaceName !== undefined) {
    const scope = scopeOf(interfaceName);
    if (scope === undefined) return undefined;
    name.writeUInt32LE(scope, SCOPE_AT);
  }
  return name;
}

export function portOf(name: Buffer): number {
  return ((name[PORT_AT] as number) << 8) | (name[PORT_AT + 1] as number);
}

/** In presentation form, without a scope. */
export function hostOf(name: Buffer, family: Family): string {
  const at = ADDRESS_AT[family];
  return addressText(name.toString('latin1', at, at + (family === 4 ? 4 : 16)) as Address);
}

function scopeOf(interfaceName: string): number | undefined {
  if (/^\d+$/.test(interfaceName)) return Number(interfaceName);
  const known = networkInterfaces()[interfaceName]?.find(({ family }) => family === 'IPv6');
  return known?.family === 'IPv6' ? known.scopeid : undefined;
}
