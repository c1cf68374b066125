import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import type { HostPort } from '../files/fields.ts';
import type { DomainName } from '../name/domain-name.ts';
import { u8, u16 } from '../name/octets.ts';
import { CLASS_IN, FLAG } from '../wire/message.ts';
import { type ReadMessage, readMessage } from '../wire/read-message.ts';
import { TYPE } from '../zone/types.ts';

/** What became of a question; times in milliseconds. */
export type Asked =
  | { readonly kind: 'answered'; readonly reply: ReadMessage; readonly milliseconds: number }
  /** nobody listens there: ICMP says so, or TCP's reset */
  | { readonly kind: 'refused' }
  /** `connected`: TCP was taken, which the kernel does for a program that hangs */
  | { readonly kind: 'silent'; readonly connected: boolean }
  | { readonly kind: 'unreachable'; readonly code: string }
  /** something came back that is no reply to this question */
  | { readonly kind: 'garbled' };

export interface Question {
  readonly name: DomainName;
  readonly type: number;
}

const UDP_SIZE = 1232;
const ID = 0x6463;

/**
 * Asks once, as stub resolvers do: recursion desired, EDNS. What has come when the time is over counts, even if nobody had a
 * moment to read it: hence each timer's last turn.
 */
export function askDns(
  proto: 'udp' | 'tcp',
  server: HostPort,
  question: Question,
  timeoutMs: number,
): Promise<Asked> {
  const query = queryOctets(question);
  return proto === 'udp' ? askUdp(server, query, timeoutMs) : askTcp(server, query, timeoutMs);
}

function queryOctets({ name, type }: Question): Buffer {
  const header = u16(ID) + u16(FLAG.RD) + u16(1) + u16(0) + u16(0) + u16(1);
  const opt = `${u8(0)}${u16(TYPE.OPT)}${u16(UDP_SIZE)}\0\0\0\0\0\0`;
  return Buffer.from(header + name + u16(type) + u16(CLASS_IN) + opt, 'latin1');
}

function askUdp({ host, port }: HostPort, query: Buffer, timeoutMs: number): Promise<Asked> {
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    const start = performance.now();
    const timer = setTimeout(() => setImmediate(() => end({ kind: 'silent', connected: false })), timeoutMs);
    let isOver = false;
    const end = (asked: Asked) => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      socket.close();
      resolve(asked);
    };
    socket.on('error', (error) => end(failed(error)));
    socket.on('message', (octets) => end(answered(octets, start)));
    // a connected socket is told when nobody listens
    socket.connect(port, host, (error?: Error) => {
      if (error != null) end(failed(error));
      else if (!isOver) socket.send(query);
    });
  });
}

function askTcp({ host, port }: HostPort, query: Buffer, timeoutMs: number): Promise<Asked> {
  return new Promise((resolve) => {
    const start = performance.now();
    const socket = connect({ host, port });
    let isConnected = false;
    let received = Buffer.alloc(0);
    const timer = setTimeout(
      () => setImmediate(() => end({ kind: 'silent', connected: isConnected })),
      timeoutMs,
    );
    const end = (asked: Asked) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(asked);
    };
    socket.on('connect', () => {
      isConnected = true;
      socket.write(Buffer.concat([Buffer.from([query.length >> 8, query.length & 255]), query]));
    });
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      end(answered(received.subarray(2, 2 + received.readUInt16BE(0)), start));
    });
    socket.on('error', (error) => end(failed(error)));
    socket.on('end', () => end({ kind: 'garbled' }));
  });
}

function answered(octets: Buffer, start: number): Asked {
  const milliseconds = performance.now() - start;
  const reply = octets.length < 12 ? undefined : readMessage(octets);
  if (reply === undefined || reply.id !== ID || (reply.flags & FLAG.QR) === 0) return { kind: 'garbled' };
  return { kind: 'answered', reply, milliseconds };
}

function failed(error: NodeJS.ErrnoException): Asked {
  if (error.code === 'ECONNREFUSED' || error.code === 'ECONNRESET') return { kind: 'refused' };
  return { kind: 'unreachable', code: error.code ?? error.message };
}
