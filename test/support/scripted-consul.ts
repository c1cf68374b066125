/**
 * Answers as a Consul 1.14 does: written after a real one, whose answers and habits the registry's README tells. Its
 * questions wait, its index counts, its tags change their order, and it says that there is no leader when there is one.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { freePort } from './ports.ts';

export interface ScriptedInstance {
  readonly id: string;
  readonly address: string;
  readonly port: number;
  readonly meta?: Readonly<Record<string, string>>;
  /** of its own check; default `passing` */
  readonly status?: string;
  readonly nodeStatus?: string;
  readonly isExternal?: boolean;
}

export class ScriptedConsul {
  readonly port: number;
  readonly #services = new Map<string, Map<string, ScriptedInstance>>();
  readonly #indexes = new Map<string, number>();
  readonly #waiting = new Set<() => void>();
  readonly #sockets = new Set<Socket>();
  #server: ReturnType<typeof createServer> | undefined;
  #index = 20;
  #answers = 0;
  hasLeader = true;
  isHung = false;
  /** undefined: no token is wanted */
  token: string | undefined;
  /** Answers in its place; true: it did. */
  spoil: (path: string, response: ServerResponse) => boolean = () => false;
  /** questions by path, and how many of them wait at most at once */
  readonly asked: string[] = [];
  mostWaiting = 0;

  private constructor(port: number) {
    this.port = port;
  }

  static async start(): Promise<ScriptedConsul> {
    const consul = new ScriptedConsul(await freePort());
    await consul.open();
    return consul;
  }

  async open(): Promise<void> {
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** Nobody listens any more, and all connections are cut. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** Counts from the beginning again, as after a restart with its data. */
  lowerIndex(): void {
    this.#index = 5;
    for (const name of this.#indexes.keys()) this.#indexes.set(name, 5);
    this.#wake();
  }

  put(name: string, instance: ScriptedInstance): void {
    const instances = this.#services.get(name) ?? new Map<string, ScriptedInstance>();
    this.#services.set(name, instances.set(instance.id, instance));
    this.#touch(name);
  }

  remove(name: string, id: string): void {
    const instances = this.#services.get(name);
    instances?.delete(id);
    if (instances?.size === 0) this.#services.delete(name);
    this.#touch(name);
  }

  #touch(name: string): void {
    this.#indexes.set(name, ++this.#index);
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://consul');
    this.asked.push(url.pathname);
    if (this.isHung) return;
    if (this.spoil(url.pathname, response)) return;
    if (url.pathname === '/v1/status/leader') {
      response.end(JSON.stringify(this.hasLeader ? '127.0.0.1:8300' : ''));
      return;
    }
    const from = Number(url.searchParams.get('index') ?? 0);
    const isCatalog = url.pathname === '/v1/catalog/services';
    const name = decodeURIComponent(url.pathname.replace('/v1/health/service/', ''));
    const indexOf = () => (isCatalog ? this.#index : (this.#indexes.get(name) ?? this.#index));
    if (from > 0 && from === indexOf())
      await this.#wait(Number.parseInt(url.searchParams.get('wait') ?? '0', 10), () => indexOf() !== from);
    if (!this.hasLeader) {
      response.writeHead(500).end('No cluster leader');
      return;
    }
    if (this.token !== undefined && request.headers['x-consul-token'] !== this.token) {
      response.writeHead(403).end('ACL not found');
      return;
    }
    const isStreaming = !isCatalog && from > 0;
    response.writeHead(200, {
      'content-type': 'application/json',
      'x-consul-index': String(indexOf()),
      'x-consul-knownleader': String(!isStreaming),
      ...(isStreaming ? { 'x-consul-query-backend': 'streaming' } : {}),
    });
    response.end(JSON.stringify(isCatalog ? this.#catalog() : this.#health(name)));
  }

  async #wait(ms: number, isOver: () => boolean): Promise<void> {
    await new Promise<void>((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve();
      };
      const look = (): void => {
        if (isOver() || !this.hasLeader) finish();
      };
      const timer = setTimeout(finish, ms).unref();
      this.#waiting.add(look);
      this.mostWaiting = Math.max(this.mostWaiting, this.#waiting.size);
    });
  }

  /** The leader is lost, or found again. */
  setLeader(hasLeader: boolean): void {
    this.hasLeader = hasLeader;
    this.#wake();
  }

  #catalog(): object {
    return { consul: [], ...Object.fromEntries([...this.#services.keys()].map((name) => [name, ['dubbo']])) };
  }

  #health(name: string): object[] {
    // the order of an answer is not that of the one before
    const tags = ++this.#answers % 2 === 0 ? ['blue', 'dubbo'] : ['dubbo', 'blue'];
    const instances = [...(this.#services.get(name)?.values() ?? [])];
    if (this.#answers % 2 === 0) instances.reverse();
    return instances.map(
      ({ id, address, port, meta = {}, status = 'passing', nodeStatus = 'passing', isExternal = false }) => ({
        Node: { Node: 'node-1', Address: '192.0.2.1', Datacenter: 'dc1', Meta: {} },
        Service: {
          ID: id,
          Service: name,
          Tags: tags,
          Address: address,
          Port: port,
          Meta: meta,
          Weights: { Passing: 1, Warning: 1 },
        },
        Checks: isExternal
          ? []
          : [
              { CheckID: 'serfHealth', Status: nodeStatus, ServiceID: '' },
              { CheckID: `service:${id}`, Status: status, ServiceID: id },
            ],
      }),
    );
  }
}
