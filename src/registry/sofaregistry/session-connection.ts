/** One connection to a session server, by SOFABolt: subscriptions out, data in. The connection is the client: with it all of them end. */
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { bad, ok, type Result } from '../../base/result.ts';
import { shown } from '../endpoint-text.ts';
import { reasonOf } from '../request-problem.ts';
import type { ServerAddress } from '../server-list.ts';
import { readTlsFiles } from '../tls-files.ts';
import {
  type BoltFrame,
  BoltFrameReader,
  HEARTBEAT,
  REQUEST,
  RESPONSE,
  requestFrame,
  responseFrame,
} from './bolt-frames.ts';
import { type Hessian, HessianObject, readHessian, type Writable, writeHessian } from './hessian.ts';
import type { SofaRegistryOptions } from './options.ts';
import type { PublishedText } from './parse.ts';

const REGISTRY = 'com.alipay.sofa.registry.';
const MODEL = `${REGISTRY}core.model.`;
const RECEIVED_DATA = `${MODEL}ReceivedData`;
const RESULT = `${MODEL}Result`;
/** Of one interface, in one data centre. */
const MAX_BOXES = 200_000;
/** A server that sends and does not read is left when so much waits. */
const MAX_UNSENT_OCTETS = 4 * 2 ** 20;

export interface SessionHandlers {
  /** It can be asked now. */
  ready(): void;
  /** The server says what is published; it is acknowledged already. */
  received(data: ReceivedData): void;
  /** Once, at the end, but not after `close`. */
  lost(reason: string): void;
}

/** What one data centre has of one dataInfoId: all of it. */
export interface ReceivedData {
  readonly dataId: string;
  readonly group: string;
  readonly instance: string;
  /** the data centre */
  readonly segment: string;
  readonly version: number;
  readonly data: readonly PublishedText[];
  /** whether some of it was no text */
  readonly isBroken: boolean;
}

interface Waiting {
  readonly answer: (reply: Result<HessianObject>) => void;
  readonly timer: NodeJS.Timeout;
}

export class SessionConnection {
  readonly #options: SofaRegistryOptions;
  readonly #handlers: SessionHandlers;
  readonly #socket: Socket | undefined;
  readonly #reader = new BoltFrameReader();
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #connecting: NodeJS.Timeout | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  /** of the heartbeat that is not answered yet */
  #deadline: NodeJS.Timeout | undefined;
  #isOver = false;

  /** Begins to connect. */
  constructor(server: ServerAddress, options: SofaRegistryOptions, handlers: SessionHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    try {
      this.#socket = open(server, options);
    } catch (error) {
      // a file of ours cannot be read, or holds no certificate
      setImmediate(() => this.drop((error as Error).message));
      return;
    }
    const socket = this.#socket;
    this.#connecting = setTimeout(
      () => this.drop(`no connection within ${options.connectTimeoutMs / 1000} s`),
      options.connectTimeoutMs,
    );
    socket.setNoDelay(true);
    socket.once(options.tls === undefined ? 'connect' : 'secureConnect', () => {
      clearTimeout(this.#connecting);
      if (this.#isOver) return;
      this.#beat();
      handlers.ready();
    });
    socket.on('data', (piece) => this.#take(piece));
    socket.on('error', (error) => this.drop(reasonOf(error)));
    socket.on('close', () => this.drop('the server closed the connection'));
  }

  /** @returns what the server says to it, an object of a class of its model; never rejects */
  ask(type: string, fields: Readonly<Record<string, Writable>>): Promise<Result<HessianObject>> {
    return new Promise((answer) => {
      if (this.#isOver) {
        answer(bad('the connection is over'));
        return;
      }
      const { requestTimeoutMs } = this.#options;
      const id = this.#nextId();
      const className = `${MODEL}${type}`;
      const content = writeHessian({ type: className, fields });
      const timer = setTimeout(() => {
        this.drop(`${type}: no reply within ${requestTimeoutMs / 1000} s`);
      }, requestTimeoutMs);
      this.#waiting.set(id, { answer, timer });
      this.#send(requestFrame(id, requestTimeoutMs, REQUEST, className, content));
    });
  }

  /** Ends it because of what was found: `lost` is called. */
  drop(reason: string): void {
    if (this.#isOver) return;
    this.close();
    this.#handlers.lost(reason);
  }

  close(): void {
    this.#isOver = true;
    clearTimeout(this.#connecting);
    clearTimeout(this.#heartbeat);
    clearTimeout(this.#deadline);
    this.#socket?.destroy();
    for (const { answer, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      answer(bad('the connection is over'));
    }
    this.#waiting.clear();
  }

  #nextId(): number {
    // of 31 bits, as Java's
    this.#lastId = (this.#lastId % 0x7fff_ffff) + 1;
    return this.#lastId;
  }

  #send(octets: Buffer): void {
    if (this.#socket === undefined || this.#isOver) return;
    this.#socket.write(octets);
    if (this.#socket.writableLength > MAX_UNSENT_OCTETS) this.drop('the server sends and does not read');
  }

  #beat(): void {
    const { heartbeatMs, heartbeatTimeoutMs } = this.#options;
    this.#heartbeat = setTimeout(() => {
      this.#deadline = setTimeout(
        () => this.drop(`no heartbeat within ${heartbeatTimeoutMs / 1000} s`),
        heartbeatTimeoutMs,
      );
      this.#send(requestFrame(this.#nextId(), heartbeatTimeoutMs));
    }, heartbeatMs);
  }

  #take(piece: Buffer): void {
    if (this.#isOver) return;
    const frames = this.#reader.push(piece);
    if (typeof frames === 'string') {
      this.drop(frames);
      return;
    }
    for (const frame of frames) {
      if (this.#isOver) return;
      if (frame.isRequest) this.#onRequest(frame);
      else this.#onResponse(frame);
    }
  }

  #onResponse({ command, id, status, className, content }: BoltFrame): void {
    if (command === HEARTBEAT) {
      clearTimeout(this.#deadline);
      this.#beatAgain();
      return;
    }
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    if (status !== 0) {
      waiting.answer(
        bad(`the server answers with status ${status}${className === '' ? '' : ` and ${shown(className)}`}`),
      );
      return;
    }
    const value = readHessian(content);
    if (!value.ok) this.drop(`a reply that is no Hessian: ${value.reason}`);
    if (value.ok && value.value instanceof HessianObject) waiting.answer(ok(value.value));
    else waiting.answer(bad('the reply is no object'));
  }

  #beatAgain(): void {
    if (this.#deadline === undefined) return;
    this.#deadline = undefined;
    this.#beat();
  }

  #onRequest(frame: BoltFrame): void {
    if (frame.command === HEARTBEAT) {
      this.#send(responseFrame(frame.id));
      return;
    }
    if (!frame.isOneWay) {
      const content = writeHessian({ type: RESULT, fields: { success: true, message: null } });
      this.#send(responseFrame(frame.id, RESPONSE, RESULT, content));
    }
    if (frame.className !== RECEIVED_DATA) {
      // configuration and whatever else a server tells is acknowledged, and not for us
      if (!frame.className.startsWith(REGISTRY)) this.drop(`the server tells ${shown(frame.className)}`);
      return;
    }
    const value = readHessian(frame.content);
    if (!value.ok) {
      this.drop(`data that are no Hessian: ${value.reason}`);
      return;
    }
    const data = receivedData(value.value);
    if (data === undefined) {
      this.drop('data without dataId, version or zones, or of too many');
      return;
    }
    this.#handlers.received(data);
  }
}

function open({ host, port }: ServerAddress, { tls }: SofaRegistryOptions): Socket {
  if (tls === undefined) return connect({ host, port });
  const name = isIP(host) === 0 ? { servername: host } : {};
  return connectTls({ host, port, ...name, ...readTlsFiles(tls) });
}

/** undefined: it is none */
export function receivedData(value: Hessian): ReceivedData | undefined {
  if (!(value instanceof HessianObject)) return undefined;
  const text = (field: string): string => {
    const found = value.fields.get(field);
    return typeof found === 'string' ? found : '';
  };
  const version = value.fields.get('version');
  const zones = value.fields.get('data');
  const [dataId, group] = [text('dataId'), text('group')];
  if (dataId === '' || group === '' || typeof version !== 'number' || !(zones instanceof Map))
    return undefined;
  const data: PublishedText[] = [];
  let isBroken = false;
  // a list may be there many times, by reference
  let boxesSeen = 0;
  for (const [zone, boxes] of zones) {
    if (!Array.isArray(boxes)) {
      isBroken = true;
      continue;
    }
    boxesSeen += boxes.length;
    if (boxesSeen > MAX_BOXES) return undefined;
    for (const box of boxes) {
      const content = box instanceof HessianObject ? box.fields.get('data') : undefined;
      if (typeof content === 'string') data.push({ text: content, zone: zoneText(zone) });
      else isBroken = true;
    }
  }
  return { dataId, group, instance: text('instanceId'), segment: text('segment'), version, data, isBroken };
}

/** Without a name of its own a zone says nothing of where it is. */
const DEFAULT_ZONES = new Set<unknown>(['DEFAULT_ZONE', 'DefaultZone']);

function zoneText(zone: unknown): string {
  return typeof zone !== 'string' || DEFAULT_ZONES.has(zone) ? '' : zone;
}
