import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import type { ListenFailure, SocketAddress } from './messages.ts';

type Close = () => Promise<void>;

/**
 * Sockets that share a port among themselves, those of several threads or of a wildcard address, share it with any other program
 * of this user too, which would silently take a part of the queries: so each address is bound alone first, all of them at once, and let go.
 *
 * @returns the addresses that are not free
 */
export async function takenPorts(addresses: readonly SocketAddress[]): Promise<ListenFailure[]> {
  const opened: Close[] = [];
  const failures: ListenFailure[] = [];
  for (const address of addresses) {
    for (const [proto, bind] of [
      ['udp', bindUdp],
      ['tcp', bindTcp],
    ] as const) {
      try {
        opened.push(await bind(address));
      } catch (error) {
        failures.push({ address, proto, code: (error as NodeJS.ErrnoException).code ?? String(error) });
      }
    }
  }
  await Promise.all(opened.map((close) => close()));
  return failures;
}

function bindUdp({ host, port }: SocketAddress): Promise<Close> {
  const isIpv6 = host.includes(':');
  const socket = createSocket({ type: isIpv6 ? 'udp6' : 'udp4', ipv6Only: isIpv6 });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ address: host, port, exclusive: true }, () => {
      resolve(() => new Promise((closed) => socket.close(() => closed())));
    });
  });
}

function bindTcp({ host, port }: SocketAddress): Promise<Close> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, ipv6Only: host.includes(':'), exclusive: true }, () => {
      resolve(() => new Promise((closed) => server.close(() => closed())));
    });
  });
}
