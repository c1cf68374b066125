import type { Octets } from './octets.ts';

/** Four octets. */
export type Ipv4 = Octets & { readonly __ipv4: true };
/** Sixteen octets. */
export type Ipv6 = Octets & { readonly __ipv6: true };
export type Address = Ipv4 | Ipv6;

export function isIpv4(address: Address): address is Ipv4 {
  return address.length === 4;
}

const DOT = 0x2e;
const ZERO = 0x30;

/** Dotted decimal, without leading zeros (which some readers take for octal). */
export function parseIpv4(text: string): Ipv4 | undefined {
  if (text.length < 7 || text.length > 15) return undefined;
  let octets = '';
  let value = -1;
  let digits = 0;
  for (let i = 0; i <= text.length; i++) {
    const code = i === text.length ? DOT : text.charCodeAt(i);
    if (code === DOT) {
      if (digits === 0 || value > 255) return undefined;
      octets += String.fromCharCode(value);
      value = -1;
      digits = 0;
      continue;
    }
    const digit = code - ZERO;
    // a second digit behind a zero is one behind a leading zero
    if (digit < 0 || digit > 9 || value === 0 || digits === 3) return undefined;
    value = value < 0 ? digit : value * 10 + digit;
    digits++;
  }
  return octets.length === 4 ? (octets as Ipv4) : undefined;
}

/** RFC 4291 section 2.2, all three forms; no zone index. */
export function parseIpv6(text: string): Ipv6 | undefined {
  let rest = text;
  let tail = '';
  const lastColon = rest.lastIndexOf(':');
  if (rest.includes('.')) {
    const embedded = parseIpv4(rest.slice(lastColon + 1));
    if (embedded === undefined || lastColon < 0) return undefined;
    tail = embedded;
    // keep a "::" that stands right in front of the embedded address
    rest = rest.slice(0, lastColon) + (rest.slice(0, lastColon).endsWith(':') ? ':' : '');
  }
  const halves = rest.split('::');
  if (halves.length > 2) return undefined;
  const left = readGroups(halves[0] ?? '');
  const right = halves.length === 2 ? readGroups(halves[1] ?? '') : '';
  if (left === undefined || right === undefined) return undefined;
  const missing = 16 - left.length - right.length - tail.length;
  if (halves.length === 2 ? missing < 2 : missing !== 0) return undefined;
  return (left + '\0'.repeat(missing) + right + tail) as Ipv6;
}

function readGroups(text: string): string | undefined {
  if (text === '') return '';
  let octets = '';
  for (const group of text.split(':')) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
    const value = Number.parseInt(group, 16);
    octets += String.fromCharCode(value >> 8, value & 0xff);
  }
  return octets;
}

export function parseAddress(text: string): Address | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

export function addressText(address: Address): string {
  return isIpv4(address) ? ipv4Text(address) : ipv6Text(address);
}

function ipv4Text(address: Ipv4): string {
  return `${address.charCodeAt(0)}.${address.charCodeAt(1)}.${address.charCodeAt(2)}.${address.charCodeAt(3)}`;
}

/** RFC 5952: lower case, the longest run of zero groups (two or more, the first of equals) as `::`. */
function ipv6Text(address: Ipv6): string {
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) {
    groups.push(((address.charCodeAt(i) << 8) | address.charCodeAt(i + 1)).toString(16));
  }
  let best = { start: -1, length: 1 };
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (groups[i + length] === '0') length++;
    if (length > best.length) best = { start: i, length };
    i += length;
  }
  if (best.start < 0) return groups.join(':');
  return `${groups.slice(0, best.start).join(':')}::${groups.slice(best.start + best.length).join(':')}`;
}

/** `10.0.0.1:20880`, `[fd00::1]:20880` or `host.example:20880`, split. Port 1–65535. */
export function splitHostPort(text: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const host = match[1] ?? match[2] ?? '';
  const port = Number(match[3]);
  if (port > 65535 || port < 1) return undefined;
  if (match[1] !== undefined && parseIpv6(host) === undefined) return undefined;
  return { host, port };
}

/** `127.0.0.1:5300`, `[::1]:5300`: what {@link splitHostPort} reads. */
export function hostPortText({ host, port }: { readonly host: string; readonly port: number }): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
