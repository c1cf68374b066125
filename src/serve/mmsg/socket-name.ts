/** `sockaddr_in` and `sockaddr_in6`, as the kernel has them. */
import type { Address } from '../../name/address.ts';
import { addressText, isIpv4, parseAddress } from '../../name/address.ts';
import { AF_INET, AF_INET6, type Libc } from './libc.ts';
import { NAME_LENGTH } from './message-batch.ts';

const PORT_AT = 2;
const ADDRESS_AT = { 4: 4, 6: 8 } as const;
const SCOPE_AT = 24;
/** `IF_NAMESIZE` */
const INTERFACE_NAME_OCTETS = 16;

export type Family = 4 | 6;

/** @param host in presentation form, `fe80::1%eth0` too; undefined: it is none */
export function socketName(libc: Libc, host: string, port: number): Buffer | undefined {
  const [text = '', interfaceName] = host.split('%');
  const address = parseAddress(text);
  if (address === undefined) return undefined;
  const family: Family = isIpv4(address) ? 4 : 6;
  const name = Buffer.alloc(NAME_LENGTH[family]);
  name.writeUInt16LE(family === 4 ? AF_INET : AF_INET6, 0);
  name.writeUInt16BE(port, PORT_AT);
  name.write(address, ADDRESS_AT[family], 'latin1');
  if (family === 6 && interfaceName !== undefined) {
    // an interface may be called '7', and have another number
    const index = libc.if_nametoindex(interfaceName) || Number(/^\d{1,9}$/.exec(interfaceName)?.[0] ?? 0);
    if (index === 0) return undefined;
    name.writeUInt32LE(index, SCOPE_AT);
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

/** `fe80::1%eth0`: as {@link hostOf}, and of an address that more than one link may have, on which one it is. */
export function scopedHostOf(libc: Libc, name: Buffer, family: Family): string {
  const host = hostOf(name, family);
  const index = family === 6 ? name.readUInt32LE(SCOPE_AT) : 0;
  if (index === 0) return host;
  const interfaceName = Buffer.alloc(INTERFACE_NAME_OCTETS);
  const isKnown = libc.if_indextoname(index, interfaceName) !== null;
  return `${host}%${isKnown ? interfaceName.toString('latin1', 0, interfaceName.indexOf(0)) : index}`;
}
