import { type Octets, octets } from '../../name/octets.ts';

/** Base64 with padding (RFC 4648 section 4). @returns undefined when it is malformed or empty */
export function fromBase64(text: string): Octets | undefined {
  if (text === '' || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  const value = atob(text);
  // bits behind the last octet must be zero, else two texts would be one value
  return btoa(value) === text ? octets(value) : undefined;
}

export function toBase64(value: Octets): string {
  return btoa(value);
}
