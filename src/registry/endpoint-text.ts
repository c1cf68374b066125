/** Where an endpoint is, as registries write it. */
import { addressText, parseIpv4, parseIpv6 } from '../name/address.ts';

/** @returns undefined: it is no port from 1 to 65535 */
export function readPort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
}

/** Java writes IPv6 addresses without brackets, and with the interface they were found on: `fd00:0:0:0:0:0:0:1%eth0`. */
export function readHost(text: string): string | undefined {
  if (isUsualIpv4(text)) return text;
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
  if (bare.includes(':')) {
    const address = parseIpv6(bare.replace(/%.*$/s, ''));
    return address === undefined || isUnspecified(address) ? undefined : addressText(address);
  }
  if (/^[\d.]+$/.test(bare)) {
    const address = parseIpv4(bare);
    return address === undefined || isUnspecified(address) ? undefined : addressText(address);
  }
  const isHostName = bare.length <= 253 && /^(?:[A-Za-z0-9_](?:[\w-]{0,61}\w)?(?:\.(?!$)|$))+$/.test(bare);
  return isHostName ? bare : undefined;
}

/** Most hosts are this: dotted decimal as it is to be written, not of 0.0.0.0/8. Others are read at leisure. */
function isUsualIpv4(text: string): boolean {
  let parts = 1;
  let digits = 0;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit === -2) {
      if (digits === 0 || ++parts > 4) return false;
      digits = 0;
      value = 0;
    } else {
      value = value * 10 + digit;
      if (digit < 0 || digit > 9 || value > 255 || (value === 0 && parts === 1)) return false;
      if (digits > 0 && value < 10) return false;
      digits++;
    }
  }
  return parts === 4 && digits > 0;
}

function isUnspecified(octets: string): boolean {
  return /^\0*$/.test(octets);
}

const MAX_SHOWN = 160;

/** For people: short, and on one line. */
export function shown(text: string, max = MAX_SHOWN): string {
  const clean = text.slice(0, max).replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '?');
  return text.length > max ? `${clean}…` : clean;
}
