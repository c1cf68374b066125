import { createServer, type Server, type Socket } from 'node:net';
import type { Client } from './client.ts';
import type { Listener } from './listener.ts';
import type { QueryHandler } from './query-handler.ts';

/** A connection on which nothing comes for so long is closed (RFC 7766 section 6.2.3). */
const IDLE_TIMEOUT_MS = 30_000;
const MAX_CONNECTIONS = 1000;
/** A client that does not read its replies is not read from either. */
const MAX_UNSENT_BYTES = 1 << 18;
/** A message that has begun is complete after so long, and its replies are taken, or the connection ends. */
const FRAME_TIMEOUT_MS = 5000;
/** Replies to queries that came together are written together, up to so many octets, and the longest one more. */
const BATCH_BYTES = 1 << 16;
const MAX_FRAME = 2 + 0xffff;
/** Where replies are put together: one connection is answered after the other. */
const batch = Buffer.allocUnsafeSlow(BATCH_BYTES + MAX_FRAME);
/** Shutdown waits so long for replies to be taken. */
const CLOSE_TIMEOUT_MS = 2000;

export interface TcpServer {
  /** Takes no more connections and queries; resolves when the replies to those read are sent. */
  close(): Promise<void>;
}

/**
 * DNS over TCP (RFC 7766): pipelined queries, replies in order. Rejects when the address cannot be bound.
 *
 * @param isShared other threads open the same port
 */
export async function openTcp(
  address: string,
  port: number,
  listener: Listener,
  handler: QueryHandler,
  isShared = false,
): Promise<TcpServer> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    serveConnection(socket, listener, handler);
  });
  server.maxConnections = MAX_CONNECTIONS;
  await listen(server, address, port, isShared);
  return {
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) {
        socket.removeAllListeners('data');
        socket.end();
      }
      const timer = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, CLOSE_TIMEOUT_MS);
      await closed;
      clearTimeout(timer);
    },
  };
}

function listen(server: Server, host: string, port: number, isShared: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, ipv6Only: host.includes(':'), reusePort: isShared }, () => {
      server.off('error', reject);
      server.on('error', () => {});
      resolve();
    });
  });
}

function serveConnection(socket: Socket, listener: Listener, handler: QueryHandler): void {
  const client: Client = {
    address: socket.remoteAddress ?? '',
    port: socket.remotePort ?? 0,
    family: socket.remoteFamily === 'IPv6' ? 'IPv6' : 'IPv4',
  };
  let pending: Buffer = Buffer.alloc(0);
  let frameTimer: NodeJS.Timeout | undefined;
  /** Answers what is there, as far as the client takes its replies. */
  const answer = () => {
    let at = 0;
    let filled = 0;
    const send = () => {
      // what is under way must not be written over
      if (filled > 0) socket.write(Buffer.from(batch.subarray(0, filled)));
      filled = 0;
    };
    handler.startClock();
    while (at + 2 <= pending.length && socket.writableLength <= MAX_UNSENT_BYTES) {
      const end = at + 2 + pending.readUInt16BE(at);
      if (end > pending.length) break;
      filled += answerInto(batch.subarray(filled), pending.subarray(at + 2, end), listener, handler, client);
      at = end;
      if (filled > BATCH_BYTES) send();
    }
    send();
    pending = pending.subarray(at);
    if (socket.writableLength > MAX_UNSENT_BYTES) socket.pause();
    else if (socket.isPaused()) socket.resume();
    // single octets now and then are no progress
    if (at === 0 && frameTimer !== undefined) return;
    clearTimeout(frameTimer);
    frameTimer = pending.length === 0 ? undefined : setTimeout(() => socket.destroy(), FRAME_TIMEOUT_MS);
  };
  socket.setTimeout(IDLE_TIMEOUT_MS, () => socket.destroy());
  // resets by the client are its own affair
  socket.on('error', () => socket.destroy());
  socket.on('close', () => clearTimeout(frameTimer));
  socket.on('drain', answer);
  socket.on('data', (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    answer();
  });
}

/** A reply behind its length in two octets (RFC 1035 section 4.2.2). @returns the octets of both; 0 when none is due */
function answerInto(
  out: Buffer,
  message: Buffer,
  listener: Listener,
  handler: QueryHandler,
  client: Client,
): number {
  const length = handler.handleInto(out.subarray(2), message, message.length, listener, client);
  if (length === 0) return 0;
  out.writeUInt16BE(length, 0);
  return 2 + length;
}
