import { networkInterfaces } from 'node:os';
import type { Config } from '../config/schema.ts';

const DNS_PORT = 53;

/** Whether resolvers that ask this nameserver ask the rpc-dns of this configuration itself. */
export function isOwnNameserver(address: string, { listen }: Config): boolean {
  return listen.dns.some(({ host, port }) => {
    if (port !== DNS_PORT) return false;
    return host === address || (isEverywhere(host, address) && isOwnAddress(address));
  });
}

function isEverywhere(host: string, address: string): boolean {
  return host === (address.includes(':') ? '::' : '0.0.0.0');
}

/** Whether this machine has the address; the whole of 127.0.0.0/8 is its own. */
function isOwnAddress(address: string): boolean {
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return address.startsWith('127.') || own.some((one) => one.address === address);
}
