/**
 * A Nacos server whose every word a test decides: gRPC over HTTP/2 and the HTTP port, written from what real ones were seen to say. It
 * stands in for Nacos 3, which cannot be had as a package, and for servers that no honest vendor makes.
 */
import { createServer, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { framed, MessageReader } from '../../src/grpc/framing.ts';
import { decoded } from '../../src/grpc/messages.ts';
import { PayloadSchema } from '../../src/grpc/protos/nacos_pb.ts';
import {
  decodePayload,
  encodePayload,
  type Json,
  type NacosMessage,
} from '../../src/registry/nacos/payload.ts';
import { freePort } from './ports.ts';

export interface Asked extends NacosMessage {
  readonly token: string | undefined;
}

/** What a request is replied with; undefined: nothing ever. */
export type Script = (asked: Asked) => Reply | undefined;
export type Reply = { readonly type: string; readonly body: Json } | { readonly octets: Buffer };

export interface Http {
  readonly status: number;
  readonly body: unknown;
}

export class ScriptedNacos {
  readonly port: number;
  /** `namespace@@group@@name` → hosts */
  readonly services = new Map<string, readonly Json[]>();
  readonly asked: Asked[] = [];
  /** replies of clients to what the server asked */
  readonly replies: NacosMessage[] = [];
  /** connections that introduced themselves */
  readonly streams = new Set<ServerHttp2Stream>();
  /** version 3 says so, and acknowledges introductions */
  isVersion3 = false;
  /** in front of what the server does by itself */
  script: Script = () => undefined;
  /** requests that get no reply at all */
  isSilentTo: (asked: Asked) => boolean = () => false;
  http: (path: string, parameters: URLSearchParams, token: string | undefined) => Http | undefined = () =>
    undefined;
  /** Answers by HTTP in its place, with any octets; true: it did. */
  spoilHttp: (path: string, response: ServerResponse) => boolean = () => false;
  /** so much later than the one before every change is said to have been */
  time = 1;
  readonly #grpc: Http2Server = createHttp2Server();
  readonly #http: Server;

  constructor(port: number) {
    this.port = port;
    this.#grpc.on('stream', (stream, headers) => this.#onStream(stream, String(headers[':path'])));
    this.#grpc.on('session', (session) => {
      session.on('error', () => {});
      this.#sessions.add(session);
      session.on('close', () => this.#sessions.delete(session));
    });
    this.#http = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk) => chunks.push(chunk));
      request.on('end', () => {
        const url = new URL(request.url ?? '', 'http://nacos');
        const parameters = new URLSearchParams(`${url.search.slice(1)}&${Buffer.concat(chunks)}`);
        const token = request.headers['accesstoken'];
        const path = url.pathname.replace(/^\/nacos/, '');
        if (this.spoilHttp(path, response)) return;
        const answer =
          this.http(path, parameters, typeof token === 'string' ? token : undefined) ??
          this.#answerHttp(path, parameters);
        response.statusCode = answer.status;
        response.end(JSON.stringify(answer.body));
      });
    });
  }
  readonly #sessions = new Set<{ destroy(): void }>();

  async openGrpc(): Promise<void> {
    await new Promise<void>((done) => this.#grpc.listen(this.port + 1000, '127.0.0.1', done));
  }

  async openHttp(): Promise<void> {
    await new Promise<void>((done) => this.#http.listen(this.port, '127.0.0.1', done));
  }

  /** Cuts all connections. */
  cut(): void {
    for (const session of [...this.#sessions]) session.destroy();
    this.streams.clear();
  }

  close(): void {
    this.cut();
    this.#grpc.close();
    this.#http.close();
    this.#http.closeAllConnections();
  }

  get address(): AddressInfo | string | null {
    return this.#grpc.address();
  }

  /** Says something to all clients. */
  tell(type: string, body: Json): void {
    for (const stream of this.streams)
      stream.write(framed(encodePayload(type, { requestId: String(++this.time), ...body })));
  }

  tellOctets(octets: Buffer): void {
    for (const stream of this.streams) stream.write(octets);
  }

  /** Changes a service's instances and pushes them; without hosts the service is gone. */
  set(key: string, hosts: readonly Json[] | undefined): void {
    if (hosts === undefined) this.services.delete(key);
    else this.services.set(key, hosts);
    this.tell('NotifySubscriberRequest', { serviceInfo: this.info(key) });
  }

  info(key: string): Json {
    const [, groupName = '', ...name] = key.split('@@');
    this.time++;
    return {
      name: name.join('@@'),
      groupName,
      clusters: '',
      hosts: this.services.get(key) ?? [],
      lastRefTime: this.time,
    };
  }

  #onStream(stream: ServerHttp2Stream, path: string): void {
    stream.on('error', () => {});
    const reader = new MessageReader(2 ** 20);
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.on('data', (piece: Buffer) => {
      const messages = reader.push(piece);
      if (!messages.ok) throw new Error(messages.reason);
      for (const octets of messages.value) {
        const message = decodePayload(octets);
        const payload = decoded(PayloadSchema, octets);
        if (!message.ok || !payload.ok) throw new Error('a client sent what is no payload');
        const asked = { ...message.value, token: payload.value.metadata?.headers['accessToken'] };
        if (path === '/Request/request') this.#onRequest(stream, asked);
        else this.#onStreamMessage(stream, asked);
      }
    });
  }

  #onStreamMessage(stream: ServerHttp2Stream, asked: Asked): void {
    if (asked.type !== 'ConnectionSetupRequest') {
      this.replies.push(asked);
      return;
    }
    this.asked.push(asked);
    this.streams.add(stream);
    stream.on('close', () => this.streams.delete(stream));
    if (!this.isVersion3) return;
    const abilityTable = { fuzzyWatch: true, supportPersistentInstanceByGrpc: true };
    stream.write(
      framed(encodePayload('SetupAckRequest', { requestId: 'setup', module: 'internal', abilityTable })),
    );
  }

  #onRequest(stream: ServerHttp2Stream, asked: Asked): void {
    this.asked.push(asked);
    if (this.isSilentTo(asked)) return;
    const reply = this.script(asked) ?? this.#reply(asked);
    stream.end('octets' in reply ? reply.octets : framed(encodePayload(reply.type, reply.body)));
  }

  #reply({ type, body }: Asked): Reply {
    const good = { resultCode: 200, errorCode: 0, success: true };
    const reply = (more: Json): Reply => ({
      type: type.replace(/Request$/, 'Response'),
      body: { ...good, ...more },
    });
    const group = `${body['namespace']}@@${body['groupName']}@@`;
    switch (type) {
      case 'ServerCheckRequest':
        return reply({ connectionId: 'scripted', supportAbilityNegotiation: this.isVersion3 });
      case 'ServiceListRequest': {
        const names = [...this.services.keys()]
          .filter((key) => key.startsWith(group))
          .map((key) => key.slice(group.length));
        const from = (Number(body['pageNo']) - 1) * Number(body['pageSize']);
        return reply({
          count: names.length,
          serviceNames: names.slice(from, from + Number(body['pageSize'])),
        });
      }
      case 'SubscribeServiceRequest':
        return reply({ serviceInfo: this.info(`${group}${body['serviceName']}`) });
      default:
        return reply({});
    }
  }

  #answerHttp(path: string, parameters: URLSearchParams): Http {
    const group = `${parameters.get('namespaceId')}@@${parameters.get('groupName')}@@`;
    const keys = [...this.services.keys()].filter((key) => key.startsWith(group));
    if (path === '/v1/ns/service/list') {
      return { status: 200, body: { count: keys.length, doms: keys.map((key) => key.slice(group.length)) } };
    }
    if (path === '/v1/ns/instance/list') {
      return {
        status: 200,
        body: this.info(`${parameters.get('namespaceId')}@@${parameters.get('serviceName')}`),
      };
    }
    return { status: 404, body: {} };
  }
}

/** @param open which ports answer */
export async function startScriptedNacos(...open: ('grpc' | 'http')[]): Promise<ScriptedNacos> {
  const server = new ScriptedNacos(await freePort());
  if (open.includes('grpc')) await server.openGrpc();
  if (open.includes('http')) await server.openHttp();
  return server;
}
