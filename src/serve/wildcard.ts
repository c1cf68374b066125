import { networkInterfaces } from 'node:os';
import { platform } from 'node:process';
import { parseAddress } from '../name/address.ts';
import type { UdpServer } from './udp-dgram.ts';

/** How often addresses that came or went are looked for. */
const LOOK_EVERY_MS = 5000;
/** Beyond so many, e.g. on a node whose kube-proxy gives it every ClusterIP, the wildcard socket serves. */
const MAX_ADDRESSES = 64;

/** Whether a listener is for all addresses of a family, and has sockets for each of them, which share its port. */
export function isForEach({ host, port }: { readonly host: string; readonly port: number }): boolean {
  return platform === 'linux' && port !== 0 && /^\0+$/.test(parseAddress(host) ?? '');
}

/**
 * UDP on a wildcard address: a socket for each address of this machine, so that a reply leaves from the address that was asked,
 * whichever one the way back to the client would prefer (RFC 2181 section 4.1). The wildcard's own socket takes what none of
 * them does, such as 127.0.0.5, or an address that came just now: there the kernel chooses the source.
 *
 * @param open binds a socket that shares its port
 */
export async function openForEach(
  wildcard: string,
  open: (host: string) => Promise<UdpServer>,
  addresses: (isIpv6: boolean) => readonly string[] = localAddresses,
): Promise<UdpServer> {
  const others = await open(wildcard);
  const opened = new Map<string, UdpServer>();
  let isClosed = false;
  const look = async () => {
    const known = new Set(addresses(wildcard.includes(':')).slice(0, MAX_ADDRESSES));
    for (const [host, server] of opened) {
      if (known.has(host)) continue;
      opened.delete(host);
      await server.close();
    }
    for (const host of known) {
      if (opened.has(host) || isClosed) continue;
      try {
        opened.set(host, await open(host));
      } catch {
        // it is going, or is not confirmed on its link yet (RFC 4862 section 5.4): the next look sees
      }
    }
  };
  let looking = look();
  await looking;
  const timer = setInterval(() => {
    looking = looking.then(look);
  }, LOOK_EVERY_MS);
  return {
    close: async () => {
      isClosed = true;
      clearInterval(timer);
      await looking;
      await Promise.all([others, ...opened.values()].map((server) => server.close()));
    },
  };
}

/** Those of one family, with the link of those that hold on one alone: `fe80::1%eth0`. */
function localAddresses(isIpv6: boolean): string[] {
  const found = Object.entries(networkInterfaces()).flatMap(([link, known = []]) =>
    known
      .filter(({ family }) => (family === 'IPv6') === isIpv6)
      .map((one) => (one.family === 'IPv6' && one.scopeid !== 0 ? `${one.address}%${link}` : one.address)),
  );
  return [...new Set(found)];
}
