import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { Client } from './client.ts';
import type { Listener } from './listener.ts';
import { EAGAIN, ENOBUFS, type Libc, MSG_DONTWAIT } from './mmsg/libc.ts';
import { MessageBatch } from './mmsg/message-batch.ts';
import { keepToItself, openSocket } from './mmsg/open-socket.ts';
import { type Family, portOf, scopedHostOf, socketName } from './mmsg/socket-name.ts';
import type { QueryHandler } from './query-handler.ts';
import { ReplyRing, serveSocket, type UdpServer } from './udp-dgram.ts';

/** So many queries are taken at once. */
const BATCH = 64;
/** The places of a batch: the first is for the query that node:dgram brings. */
const PLACES = BATCH + 1;
/**
 * While queries come faster than they are answered, batches are taken for so long before TCP and changes have their turn;
 * after that what node:dgram brings is answered alone.
 */
const TURN_MS = 8;
/** So many queries behind the first tell that more have come meanwhile: it is cheaper to look than to be told. */
const WORTH_ANOTHER = 2;
/** So many batches are taken before node:dgram and others have a look. */
const MOST_BATCHES = 16;
/** The longest datagram there is. */
const MAX_OCTETS = 65_535;

/**
 * The engine for Linux: node:dgram says that a query is there, as it costs nothing while there is none, and what came with it
 * is taken and answered by two system calls. Rejects when the address cannot be bound.
 *
 * @param room where batches are put; sockets of one thread may have one, as each is answered before the next is taken
 * @param isShared other threads open the same port
 */
export async function openMmsg(
  libc: Libc,
  room: BatchRoom,
  address: string,
  port: number,
  listener: Listener,
  handler: QueryHandler,
  replySize: number,
  isShared = false,
): Promise<UdpServer> {
  const { fd, family } = openSocket(libc, address, port, isShared);
  const socket = createSocket({
    type: family === 4 ? 'udp4' : 'udp6',
    lookup: (host, _options, done) => done(null, host, family),
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (error) => {
      libc.close(fd);
      reject(error);
    });
    // from here on it closes the descriptor
    socket.bind({ fd }, () => {
      socket.removeAllListeners('error');
      resolve();
    });
  });
  // libuv has set SO_REUSEADDR: another process could bind the port too, and take the queries
  keepToItself(libc, fd);
  const exchange = new BatchExchange(libc, fd, room.of(family), socket, family, listener, handler, replySize);
  return serveSocket(socket, (message, client) => exchange.take(message, client));
}

/** The memory of the batches of one thread: made once for each family, since it is never given back. */
export class BatchRoom {
  readonly #libc: Libc;
  readonly #batches = new Map<Family, MessageBatch>();

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  of(family: Family): MessageBatch {
    const known = this.#batches.get(family);
    if (known !== undefined) return known;
    const batch = new MessageBatch(this.#libc, family, PLACES, MAX_OCTETS);
    this.#batches.set(family, batch);
    return batch;
  }
}

class BatchExchange {
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #listener: Listener;
  readonly #handler: QueryHandler;
  /** queries; each reply is written over its query */
  readonly #batch: MessageBatch;
  readonly #lengths = new Uint32Array(PLACES);
  readonly #behindFirst: bigint;
  readonly #client: BatchClient;
  /** for what the kernel does not take at once */
  readonly #ring: ReplyRing;
  /** when the first full batch of this turn was answered; 0: none was full */
  #fullSince = 0;
  #isTired = false;

  constructor(
    libc: Libc,
    fd: number,
    batch: MessageBatch,
    socket: Socket,
    family: Family,
    listener: Listener,
    handler: QueryHandler,
    replySize: number,
  ) {
    this.#libc = libc;
    this.#fd = fd;
    this.#listener = listener;
    this.#handler = handler;
    this.#batch = batch;
    this.#behindFirst = this.#batch.headerAt(1);
    this.#client = new BatchClient(libc, family);
    this.#ring = new ReplyRing(socket, replySize);
  }

  /** The first of what is there; the others are still in the socket, and more come while these are answered. */
  take(message: Buffer, client: RemoteInfo): void {
    this.#handler.startClock();
    this.#set(0, this.#answerFirst(message, client));
    let found = this.#takeBatch(0);
    for (let batches = 1; found >= WORTH_ANOTHER && batches < MOST_BATCHES; batches++) {
      if (found === BATCH) this.#watchTurn();
      found = this.#takeBatch(1);
    }
    if (found >= WORTH_ANOTHER) this.#watchTurn();
  }

  /**
   * @param from the place of the first reply that is to be sent
   * @returns how many queries were there; none when it is the others' turn
   */
  #takeBatch(from: 0 | 1): number {
    const batch = this.#batch;
    const found = this.#isTired
      ? 0
      : Math.max(0, this.#libc.recvmmsg(this.#fd, this.#behindFirst, BATCH, MSG_DONTWAIT, null));
    const end = 1 + found;
    this.#handler.startClock();
    for (let i = 1; i < end; i++) {
      const name = batch.names[i] as Buffer;
      this.#client.name = name;
      // source port 0 is nobody's, and a send to it fails
      this.#set(i, portOf(name) === 0 ? 0 : this.#answer(i));
    }
    this.#send(from, end);
    batch.reset(end);
    return found;
  }

  /** node:dgram brings up to 32 queries at a time, each with batches behind it. */
  #watchTurn(): void {
    const now = performance.now();
    if (this.#fullSince === 0) {
      this.#fullSince = now;
      setImmediate(this.#rest);
    } else if (now - this.#fullSince > TURN_MS) {
      this.#isTired = true;
    }
  }

  readonly #rest = () => {
    this.#fullSince = 0;
    this.#isTired = false;
  };

  #set(i: number, length: number): void {
    this.#lengths[i] = length;
    if (length > 0) this.#batch.setLength(i, length);
  }

  #answerFirst(message: Buffer, client: RemoteInfo): number {
    const name = client.port === 0 ? undefined : socketName(this.#libc, client.address, client.port);
    if (name === undefined) return 0;
    name.copy(this.#batch.names[0] as Buffer);
    const out = this.#batch.buffers[0] as Buffer;
    return this.#handler.handleInto(out, message, message.length, this.#listener, client);
  }

  #answer(i: number): number {
    const message = this.#batch.buffers[i] as Buffer;
    const size = this.#batch.receivedLength(i);
    return this.#handler.handleInto(message, message, size, this.#listener, this.#client);
  }

  /** All that have a reply, from one that has none to the next. */
  #send(first: number, count: number): void {
    const lengths = this.#lengths;
    for (let from = first; from < count; ) {
      if (lengths[from] === 0) {
        from++;
        continue;
      }
      let to = from + 1;
      while (to < count && lengths[to] !== 0) to++;
      this.#sendRun(from, to);
      from = to;
    }
  }

  #sendRun(from: number, to: number): void {
    for (let at = from; at < to; ) {
      const sent = this.#libc.sendmmsg(this.#fd, this.#batch.headerAt(at), to - at, MSG_DONTWAIT);
      if (sent > 0) {
        at += sent;
        continue;
      }
      // an error is of the one client that the first of them is for …
      const errno = this.#libc.errno();
      if (errno !== EAGAIN && errno !== ENOBUFS) {
        at++;
        continue;
      }
      // … unless the socket or the kernel is full: node:dgram waits for room
      this.#queue(at, to);
      return;
    }
  }

  #queue(from: number, to: number): void {
    for (let i = from; i < to; i++) {
      this.#client.name = this.#batch.names[i] as Buffer;
      this.#ring.send(this.#batch.buffers[i] as Buffer, this.#lengths[i] as number, this.#client);
    }
  }
}

/** Who asked, read when somebody wants to know. */
class BatchClient implements Client {
  readonly family: 'IPv4' | 'IPv6';
  readonly #libc: Libc;
  readonly #family: Family;
  name: Buffer = Buffer.alloc(0);

  constructor(libc: Libc, family: Family) {
    this.#libc = libc;
    this.#family = family;
    this.family = family === 4 ? 'IPv4' : 'IPv6';
  }

  get address(): string {
    return scopedHostOf(this.#libc, this.name, this.#family);
  }

  get port(): number {
    return portOf(this.name);
  }
}
