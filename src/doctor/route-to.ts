import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';

/** The way that this machine takes to an address. */
export interface Route {
  /** for people: `local on lo`, `by 10.0.0.1 on eth0` */
  readonly text: string;
  /** whether what is sent there stays on this machine */
  readonly isLocal: boolean;
}

/** As `ip route get` tells; where that is missing, by the address that the kernel would send from. */
export async function routeTo(address: string, timeoutMs: number): Promise<Route> {
  return (await askIp(address, timeoutMs)) ?? (await bySource(address));
}

function askIp(address: string, timeoutMs: number): Promise<Route | undefined> {
  return new Promise((resolve) => {
    execFile('ip', ['route', 'get', address], { timeout: timeoutMs }, (error, stdout, stderr) => {
      const [line = ''] = stdout.split('\n');
      if (error === null && line !== '') resolve(parseRoute(line));
      else if (/RTNETLINK answers: (.+)/.test(stderr)) {
        const [, why = ''] = /RTNETLINK answers: (.+)/.exec(stderr) ?? [];
        resolve({ text: `no route (${why.trim()})`, isLocal: false });
      } else resolve(undefined);
    });
  });
}

/** `local 247.1.2.3 dev lo src 10.0.0.5 uid 0`, `247.1.2.3 via 10.0.0.1 dev eth0 src 10.0.0.5 uid 0` */
export function parseRoute(line: string): Route {
  const device = /\bdev (\S+)/.exec(line)?.[1] ?? '?';
  const gateway = /\bvia (\S+)/.exec(line)?.[1];
  const isLocal = /^local /.test(line);
  if (isLocal) return { text: `local on ${device}`, isLocal };
  return { text: gateway === undefined ? `on ${device}` : `by ${gateway} on ${device}`, isLocal };
}

function bySource(address: string): Promise<Route> {
  return new Promise((resolve) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    const end = (route: Route) => {
      socket.close();
      resolve(route);
    };
    socket.on('error', (error: NodeJS.ErrnoException) => {
      end({ text: `no route (${error.code ?? error.message})`, isLocal: false });
    });
    // nothing is sent: the kernel only chooses its own address
    socket.connect(9, address, () => {
      const { address: source } = socket.address();
      const isLocal = source === address;
      end({ text: isLocal ? 'local' : `from ${source}`, isLocal });
    });
  });
}
