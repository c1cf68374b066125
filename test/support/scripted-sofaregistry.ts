/**
 * A SOFARegistry whose every word a test decides, in one process: SOFABolt on one port, the HTTP of session and data server on another. Left
 * alone it does what a real one was seen to do, at once.
 */
import { once } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import {
  type BoltFrame,
  BoltFrameReader,
  HEARTBEAT,
  REQUEST,
  RESPONSE,
  requestFrame,
  responseFrame,
} from '../../src/registry/sofaregistry/bolt-frames.ts';
import {
  HessianObject,
  readHessian,
  type Writable,
  writeHessian,
} from '../../src/registry/sofaregistry/hessian.ts';

export const MODEL = 'com.alipay.sofa.registry.core.model.';
const SEPARATOR = '#@#';

interface Datum {
  version: number;
  data: readonly string[];
}

export class ScriptedSofaRegistry {
  readonly http: HttpServer;
  readonly bolt: Server;
  readonly sockets = new Set<Socket>();
  /** by dataInfoId, by segment */
  readonly #published = new Map<string, Map<string, Datum>>();
  /** sockets by what they subscribed */
  readonly #subscribed = new Map<string, Set<Socket>>();
  /** dataInfoIds that were subscribed, in order */
  readonly subscriptions: string[] = [];
  /** paths that were asked */
  readonly asked: string[] = [];
  /** Answers in place of it; true: it did. */
  onHttp: (path: string, response: ServerResponse) => boolean = () => false;
  onBolt: (frame: BoltFrame, socket: Socket) => boolean = () => false;
  onConnection: (socket: Socket) => void = () => {};
  #id = 0;

  private constructor(http: HttpServer, createBolt: (take: (socket: Socket) => void) => Server) {
    this.http = http;
    this.bolt = createBolt((socket) => this.#take(socket));
    http.on('request', ({ url = '' }, response) => {
      this.asked.push(url);
      if (this.onHttp(url, response)) return;
      const reply = this.#page(url.replace(/\?.*/, ''));
      response.writeHead(reply === undefined ? 404 : 200).end(reply);
    });
  }

  static async start(tls?: { readonly key: string; readonly cert: string }): Promise<ScriptedSofaRegistry> {
    const registry = new ScriptedSofaRegistry(
      tls === undefined ? createHttpServer() : createHttpsServer(tls),
      (take) => (tls === undefined ? createServer(take) : createTlsServer(tls, take)),
    );
    await registry.listen(0, 0);
    return registry;
  }

  get httpPort(): number {
    return (this.http.address() as AddressInfo).port;
  }

  get boltPort(): number {
    return (this.bolt.address() as AddressInfo).port;
  }

  async listen(httpPort: number, boltPort: number): Promise<void> {
    this.http.listen(httpPort, '127.0.0.1');
    this.bolt.listen(boltPort, '127.0.0.1');
    await Promise.all([once(this.http, 'listening'), once(this.bolt, 'listening')]);
  }

  /** Closes all, so that nobody gets in. */
  async stop(): Promise<void> {
    const closed = [this.http, this.bolt].map((server) => new Promise((resolve) => server.close(resolve)));
    this.http.closeAllConnections();
    this.cut();
    await Promise.all(closed);
  }

  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  /** Publishes all data of one data centre, and pushes them. */
  set(dataInfoId: string, data: readonly string[], segment = 'DefaultDataCenter'): void {
    const segments = this.#published.get(dataInfoId) ?? new Map<string, Datum>();
    this.#published.set(dataInfoId, segments);
    const datum = segments.get(segment) ?? { version: 1, data: [] };
    datum.data = data;
    datum.version++;
    segments.set(segment, datum);
    for (const socket of this.#subscribed.get(dataInfoId) ?? [])
      this.push(socket, dataInfoId, segment, datum);
  }

  get(dataInfoId: string, segment = 'DefaultDataCenter'): readonly string[] {
    return this.#published.get(dataInfoId)?.get(segment)?.data ?? [];
  }

  /** The name leaves the lists. */
  forget(dataInfoId: string): void {
    this.#published.delete(dataInfoId);
  }

  push(socket: Socket, dataInfoId: string, segment: string, { version, data }: Datum): void {
    const [dataId = '', instanceId = '', group = ''] = dataInfoId.split(SEPARATOR);
    const boxes = data.map((text) => ({ type: `${MODEL}DataBox`, fields: { data: text } }));
    const zones = new Map<string, Writable>(data.length === 0 ? [] : [['DEFAULT_ZONE', boxes]]);
    this.tell(socket, {
      dataId,
      group,
      instanceId,
      segment,
      scope: 'global',
      subscriberRegistIds: ['some'],
      data: zones,
      version: BigInt(version),
      localZone: 'DEFAULT_ZONE',
      dataCount: new Map(),
    });
  }

  /** A ReceivedData of these fields. */
  tell(socket: Socket, fields: Readonly<Record<string, Writable>>): void {
    const type = `${MODEL}ReceivedData`;
    socket.write(requestFrame(++this.#id, 2_000, REQUEST, type, writeHessian({ type, fields })));
  }

  #page(path: string): string | undefined {
    switch (path) {
      case '/api/servers/query':
        return `127.0.0.1:${this.boltPort}`;
      case '/digest/data/serverList/query':
        return '["127.0.0.1"]';
      case '/digest/datum/getDataInfoIdList':
        return JSON.stringify(
          [...this.#published].map(([id, segments]) => `DefaultDataCenter,${id},${segments.size}`),
        );
      case '/digest/getDataInfoIdList':
        return JSON.stringify([...this.#published.keys()]);
      default:
        return undefined;
    }
  }

  #take(socket: Socket): void {
    this.sockets.add(socket);
    const frames = new BoltFrameReader();
    socket.on('error', () => {});
    socket.on('close', () => {
      this.sockets.delete(socket);
      for (const sockets of this.#subscribed.values()) sockets.delete(socket);
    });
    this.onConnection(socket);
    socket.on('data', (piece) => {
      const read = frames.push(piece);
      if (typeof read === 'string') throw new Error(read);
      for (const frame of read) if (!this.onBolt(frame, socket)) this.#answer(frame, socket);
    });
  }

  #answer({ isRequest, command, id, content }: BoltFrame, socket: Socket): void {
    if (!isRequest) return;
    if (command === HEARTBEAT) {
      socket.write(responseFrame(id));
      return;
    }
    const register = readHessian(content);
    if (!register.ok || !(register.value instanceof HessianObject)) throw new Error('no registration');
    const { fields } = register.value;
    const dataInfoId = [fields.get('dataId'), fields.get('instanceId'), fields.get('group')].join(SEPARATOR);
    const type = `${MODEL}RegisterResponse`;
    const said = { success: true, registId: String(fields.get('registId')), version: 1n };
    const reply = { type, fields: { ...said, refused: false, message: null } };
    socket.write(responseFrame(id, RESPONSE, type, writeHessian(reply)));
    const sockets = this.#subscribed.get(dataInfoId) ?? new Set();
    this.#subscribed.set(dataInfoId, sockets);
    if (fields.get('eventType') === 'UNREGISTER') {
      sockets.delete(socket);
      return;
    }
    this.subscriptions.push(dataInfoId);
    sockets.add(socket);
    const segments =
      this.#published.get(dataInfoId) ?? new Map([['DefaultDataCenter', { version: 1, data: [] }]]);
    for (const [segment, datum] of segments) this.push(socket, dataInfoId, segment, datum);
  }
}
