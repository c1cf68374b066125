/**
 * A DNS server that stands in for the rest of the world: it knows the names that it is told, says NXDOMAIN to all else,
 * and tells what it was asked, so that a test can prove what does not leak.
 *
 *     node test/support/upstream.ts --address 127.0.0.1 --port 5353 [NAME=ADDRESS …]
 */
import { createSocket } from 'node:dgram';
import { createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { freePort } from './ports.ts';
import { type Child, type Launch, startChild } from './process.ts';
import type { Cleanup } from './server.ts';

export interface Upstream {
  readonly child: Child;
  readonly address: string;
  readonly port: number;
  /** `NAME TYPE udp|tcp` of each question so far, in order; names in lower case, without their final dot. */
  queries(): readonly string[];
}

/** Starts one, in a namespace by its `run`, and resolves when it listens. */
export async function startUpstream(
  test: Cleanup,
  options: {
    /** IPv4 addresses by name; `*` is every name. */
    readonly names?: Readonly<Record<string, string>>;
    readonly address?: string;
    readonly port?: number;
    readonly launch?: Launch;
  } = {},
): Promise<Upstream> {
  const { names = {}, address = '127.0.0.1', port = await freePort(address), launch = startChild } = options;
  const pairs = Object.entries(names).map(([name, value]) => `${name}=${value}`);
  const args = [fileURLToPath(import.meta.url), '--address', address, '--port', String(port), ...pairs];
  const child = launch(process.execPath, args, { name: 'upstream' });
  test.after(() => child.kill());
  await child.waitFor(/^READY$/m);
  return {
    child,
    address,
    port,
    queries: () => [...child.stdout().matchAll(/^ASKED (.*)$/gm)].map((match) => match[1] ?? ''),
  };
}

const TYPES: Readonly<Record<number, string>> = {
  1: 'A',
  2: 'NS',
  5: 'CNAME',
  6: 'SOA',
  12: 'PTR',
  16: 'TXT',
  28: 'AAAA',
  33: 'SRV',
};

/** The reply to a query of one question, which is all that resolvers send. */
function replyTo(query: Buffer, names: ReadonlyMap<string, string>, protocol: string): Buffer {
  const labels: string[] = [];
  let at = 12;
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length).toLowerCase());
    at += 1 + length;
  }
  const name = labels.join('.');
  const type = query.readUInt16BE(at + 1);
  const question = query.subarray(12, at + 5);
  console.log(`ASKED ${name} ${TYPES[type] ?? `TYPE${type}`} ${protocol}`);

  const address = names.get(name) ?? names.get('*');
  const hasAnswer = address !== undefined && type === 1;
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  // A reply, recursion available, and the client's wish for recursion.
  header.writeUInt16BE(0x8080 | (query.readUInt16BE(2) & 0x0100) | (address === undefined ? 3 : 0), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(hasAnswer ? 1 : 0, 6);
  if (!hasAnswer) return Buffer.concat([header, question]);
  // The name of the question, A, IN, 30 seconds, four octets.
  const record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4, ...address.split('.').map(Number)];
  return Buffer.concat([header, question, Buffer.from(record)]);
}

function serve(address: string, port: number, names: ReadonlyMap<string, string>): void {
  const udp = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  udp.on('message', (query, client) => {
    udp.send(replyTo(query, names, 'udp'), client.port, client.address);
  });
  const tcp = createServer((socket: Socket) => {
    let received = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (octets) => {
      received = Buffer.concat([received, octets]);
      while (received.length > 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const end = 2 + received.readUInt16BE(0);
        const reply = replyTo(received.subarray(2, end), names, 'tcp');
        received = received.subarray(end);
        const length = Buffer.alloc(2);
        length.writeUInt16BE(reply.length);
        socket.write(Buffer.concat([length, reply]));
      }
    });
  });
  udp.bind(port, address, () => tcp.listen(port, address, () => console.log('READY')));
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    options: { address: { type: 'string' }, port: { type: 'string' } },
    allowPositionals: true,
  });
  if (values.address === undefined || values.port === undefined) {
    console.error('usage: upstream.ts --address ADDRESS --port PORT [NAME=ADDRESS …]');
    process.exit(2);
  }
  const names = positionals.map((pair): [string, string] => {
    const [name = '', address = ''] = pair.split('=');
    return [name.toLowerCase(), address];
  });
  serve(values.address, Number(values.port), new Map(names));
}
