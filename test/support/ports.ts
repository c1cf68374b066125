/** Ports that are free for both TCP and UDP. */
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

/** Below Linux's range for outgoing connections, so that none takes the port before its server does. */
const FIRST_PORT = 12_000;
const LAST_PORT = 32_000;

const handedOut = new Set<number>();

/** A port that was free on `host` a moment ago, for TCP and UDP; never the same one twice in a process. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
    if (handedOut.has(port)) continue;
    if ((await isFreeForTcp(port, host)) && (await isFreeForUdp(port, host))) {
      handedOut.add(port);
      return port;
    }
  }
  throw new Error(`no free port on ${host} after 200 attempts`);
}

/** Several different free ports. */
export async function freePorts(count: number, host = '127.0.0.1'): Promise<readonly number[]> {
  const ports: number[] = [];
  while (ports.length < count) ports.push(await freePort(host));
  return ports;
}

/** An address of 127.0.0.0/8 whose port, 53 for instance, is free; on Linux all of them are the machine's own. */
export async function freeLoopback(port: number): Promise<string> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const [high, low] = [1 + Math.floor(Math.random() * 254), 1 + Math.floor(Math.random() * 254)];
    const host = `127.${high}.${low}.53`;
    if ((await isFreeForTcp(port, host)) && (await isFreeForUdp(port, host))) return host;
  }
  throw new Error(`no loopback address with port ${port} free after 200 attempts`);
}

function isFreeForTcp(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

function isFreeForUdp(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    socket.once('error', () => {
      socket.close();
      resolve(false);
    });
    socket.bind({ port, address: host, exclusive: true }, () => socket.close(() => resolve(true)));
  });
}
