import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Client } from './client.ts';
import type { Listener } from './listener.ts';
import type { QueryHandler } from './query-handler.ts';

/** A UDP socket that answers; there is one kind for each engine. */
export interface UdpServer {
  /** Stops reading at once; what was read is answered. */
  close(): Promise<void>;
}

/** Reply buffers in use at most before the kernel's acceptance of all of them is checked. */
const RING = 256;
const RECEIVE_BUFFER_BYTES = 4 * 2 ** 20;

/**
 * The engine that runs everywhere: node:dgram. Rejects when the address cannot be bound.
 *
 * @param isShared other threads open the same port
 */
export async function openDgram(
  address: string,
  port: number,
  listener: Listener,
  handler: QueryHandler,
  replySize: number,
  isShared = false,
): Promise<UdpServer> {
  const type = isIPv6(address) ? 'udp6' : 'udp4';
  const socket = createSocket({
    type,
    ipv6Only: type === 'udp6',
    reusePort: isShared,
    // replies go to numeric addresses: an asynchronous look-up would cost up to 1 µs each
    lookup: (host, _options, done) => done(null, host, type === 'udp6' ? 6 : 4),
  });
  const replies = new ReplyRing(socket, replySize);
  const onMessage = (message: Buffer, client: RemoteInfo) => {
    // source port 0 is nobody's, and a send to it throws
    if (client.port === 0) return;
    handler.startClock();
    const reply = replies.next();
    const length = handler.handleInto(reply, message, message.length, listener, client);
    if (length > 0) socket.send(reply, 0, length, client.port, client.address);
  };
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ address, port }, () => {
      socket.off('error', reject);
      resolve();
    });
  });
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
  } catch {
    // the kernel's own limit serves as well
  }
  return serveSocket(socket, onMessage);
}

/** Brings what comes to a bound socket. */
export function serveSocket(
  socket: Socket,
  onMessage: (message: Buffer, client: RemoteInfo) => void,
): UdpServer {
  // e.g. ECONNREFUSED of a client that is gone: says nothing about this socket
  socket.on('error', () => {});
  socket.on('message', onMessage);
  return {
    close: () =>
      new Promise((resolve) => {
        socket.off('message', onMessage);
        socket.close(() => resolve());
      }),
  };
}

/**
 * Buffers for replies on their way. node:dgram reads the buffer until the kernel has taken it, which is nearly always
 * within send(); a buffer is used again only when the socket's queue was seen empty since.
 */
export class ReplyRing {
  readonly #socket: Socket;
  readonly #size: number;
  #buffers: Buffer[];
  #next = 0;

  constructor(socket: Socket, size: number) {
    this.#socket = socket;
    this.#size = size;
    this.#buffers = this.#allocate();
  }

  #allocate(): Buffer[] {
    return Array.from({ length: RING }, () => Buffer.allocUnsafeSlow(this.#size));
  }

  /** Room for a reply, until as many others were asked for as there are. */
  next(): Buffer {
    if (this.#next === RING) {
      this.#next = 0;
      if (this.#socket.getSendQueueCount() > 0) this.#buffers = this.#allocate();
    }
    return this.#buffers[this.#next++] as Buffer;
  }

  /** Sends a copy. */
  send(reply: Buffer, length: number, client: Client): void {
    const buffer = length <= this.#size ? this.next() : Buffer.allocUnsafeSlow(length);
    reply.copy(buffer, 0, 0, length);
    this.#socket.send(buffer, 0, length, client.port, client.address);
  }
}
