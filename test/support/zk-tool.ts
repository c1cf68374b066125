/** Nodes in a test's ZooKeeper: made, listed, deleted; and provider nodes as Dubbo 3.3.6 writes them. */
import zookeeper, { type Client, Exception } from 'node-zookeeper-client';

export interface ZkToolOptions {
  /** Default 5 s; the server raises it to two of its ticks. */
  readonly sessionTimeoutMs?: number;
}

/** A server that is just starting may take a connection and never answer on it: then another one helps. */
const ATTEMPT_MS = 1_500;
const ATTEMPTS = 7;

const TRANSACTIONS_UNDER_WAY = 8;
/** What Dubbo writes into a node; nobody reads it. */
const NODE_DATA = Buffer.from('127.0.0.1');

/** Connects a client; its ephemeral nodes live until `close()`, or until its session expires. */
export async function connectZkTool(address: string, options: ZkToolOptions = {}): Promise<ZkTool> {
  for (let i = 0; i < ATTEMPTS; i++) {
    const client = await connect(address, options);
    if (client !== undefined) return new ZkTool(client);
  }
  throw new Error(`no ZooKeeper at ${address} within ${(ATTEMPTS * ATTEMPT_MS) / 1000} s`);
}

async function connect(address: string, options: ZkToolOptions): Promise<Client | undefined> {
  const client = zookeeper.createClient(address, {
    sessionTimeout: options.sessionTimeoutMs ?? 5_000,
    spinDelay: 100,
    retries: 0,
  });
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      client.close();
      resolve(undefined);
    }, ATTEMPT_MS);
    client.once('connected', () => {
      clearTimeout(timer);
      resolve(client);
    });
    client.connect();
  });
}

export class ZkTool {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /** As `ZooKeeper.sessions()` writes it. */
  get sessionId(): string {
    return `0x${this.#client.getSessionId().toString('hex').replace(/^0+/, '')}`;
  }

  /** Creates a node, and the persistent nodes above it that are not there. */
  async create(path: string, options: { data?: string; ephemeral?: boolean } = {}): Promise<void> {
    const mode =
      options.ephemeral === true ? zookeeper.CreateMode.EPHEMERAL : zookeeper.CreateMode.PERSISTENT;
    const data = Buffer.from(options.data ?? '');
    try {
      await this.#create(path, data, mode);
    } catch (error) {
      if (!hasCode(error, Exception.NO_NODE)) throw error;
      await this.ensure(path.slice(0, path.lastIndexOf('/')));
      await this.#create(path, data, mode);
    }
  }

  /** Creates a persistent node unless it is there. */
  async ensure(path: string): Promise<void> {
    if (path === '') return;
    await this.create(path).catch((error: unknown) => {
      if (!hasCode(error, Exception.NODE_EXISTS)) throw error;
    });
  }

  /**
   * Creates persistent nodes, parents before their children, as fast as one connection takes them. None may be there.
   * @param together in one transaction, whose frame has to stay below 1 MiB
   */
  async createAll(paths: Iterable<string>, together = 500): Promise<void> {
    const underWay = new Set<Promise<void>>();
    const send = async (batch: readonly string[]): Promise<void> => {
      while (underWay.size >= TRANSACTIONS_UNDER_WAY) await Promise.race(underWay);
      const done = this.createTogether(batch).finally(() => underWay.delete(done));
      underWay.add(done);
    };
    let batch: string[] = [];
    for (const path of paths) {
      batch.push(path);
      if (batch.length < together) continue;
      await send(batch);
      batch = [];
    }
    if (batch.length > 0) await send(batch);
    await Promise.all(underWay);
  }

  /** Creates persistent nodes in one transaction, parents before their children. */
  createTogether(paths: readonly string[]): Promise<void> {
    const transaction = this.#client.transaction();
    for (const path of paths) transaction.create(path, NODE_DATA);
    return new Promise((resolve, reject) => {
      transaction.commit((error) => {
        if (error) reject(asError(error));
        else resolve();
      });
    });
  }

  /** One node goes and another one comes, in one transaction. */
  replace(gone: string, next: string): Promise<void> {
    const transaction = this.#client.transaction().remove(gone).create(next, NODE_DATA);
    return new Promise((resolve, reject) => {
      transaction.commit((error) => {
        if (error) reject(asError(error));
        else resolve();
      });
    });
  }

  /** The names of the children, sorted; none when the node is not there. */
  list(path: string): Promise<readonly string[]> {
    return new Promise((resolve, reject) => {
      this.#client.getChildren(path, (error, children) => {
        if (error === null || error === undefined) resolve([...children].sort());
        else if (hasCode(error, Exception.NO_NODE)) resolve([]);
        else reject(asError(error));
      });
    });
  }

  /** A node's data as text. */
  data(path: string): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#client.getData(path, (error, data) => {
        if (error) reject(asError(error));
        else resolve(data?.toString() ?? '');
      });
    });
  }

  setData(path: string, data: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#client.setData(path, Buffer.from(data), (error) => {
        if (error) reject(asError(error));
        else resolve();
      });
    });
  }

  exists(path: string): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#client.exists(path, (error, stat) => {
        if (error) reject(asError(error));
        else resolve(stat !== null && stat !== undefined);
      });
    });
  }

  /** Whether everybody may list it; all else stays allowed. */
  setReadable(path: string, isReadable: boolean): Promise<void> {
    const { ALL, READ } = zookeeper.Permission;
    const acl = new zookeeper.ACL(isReadable ? ALL : ALL & ~READ, new zookeeper.Id('world', 'anyone'));
    return new Promise((resolve, reject) => {
      this.#client.setACL(path, [acl], -1, (error) => {
        if (error) reject(asError(error));
        else resolve();
      });
    });
  }

  /** Deletes a node and all below it; no error when it is not there. */
  async remove(path: string): Promise<void> {
    for (const child of await this.list(path))
      await this.remove(path === '/' ? `/${child}` : `${path}/${child}`);
    await this.removeLeaf(path);
  }

  /** Deletes a node that has none below it, with one request; no error when it is not there. */
  async removeLeaf(path: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#client.remove(path, (error) => {
        if (error && !hasCode(error, Exception.NO_NODE)) reject(asError(error));
        else resolve();
      });
    });
  }

  /** Writes a provider's ephemeral node as Dubbo does; returns its path. */
  async registerDubboProvider(provider: DubboProvider): Promise<string> {
    const path = dubboProviderPath(provider);
    await this.create(path, { data: '127.0.0.1', ephemeral: true });
    return path;
  }

  /** Ends the session: the ephemeral nodes go at once. */
  async close(): Promise<void> {
    const gone = new Promise<void>((resolve) => this.#client.once('disconnected', resolve));
    this.#client.close();
    const timer = new Promise<void>((resolve) => setTimeout(resolve, 2_000).unref());
    await Promise.race([gone, timer]);
  }

  #create(path: string, data: Buffer, mode: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#client.create(path, data, mode, (error) => {
        if (error) reject(asError(error));
        else resolve();
      });
    });
  }
}

export interface DubboProvider {
  readonly interface: string;
  readonly host: string;
  readonly port: number;
  /** Default `demo`. */
  readonly application?: string;
  readonly version?: string;
  readonly group?: string;
  /** The URL's scheme; default `dubbo`. */
  readonly protocol?: string;
  /** Default: now. All that tells two lives of one provider apart. */
  readonly timestamp?: number;
  /** Further parameters, which also replace those that Dubbo writes. */
  readonly parameters?: Readonly<Record<string, string>>;
}

/** The name of a provider's node: its URL, encoded whole. */
export function dubboProviderNode(provider: DubboProvider): string {
  const { version, group } = provider;
  const parameters = new Map<string, string>([
    ['application', provider.application ?? 'demo'],
    ['deprecated', 'false'],
    ['dubbo', '2.0.2'],
    ['dynamic', 'true'],
    ['generic', 'false'],
    ['interface', provider.interface],
    ['methods', 'hello'],
    ['prefer.serialization', 'hessian2,fastjson2'],
    ['release', '3.3.6'],
    ['side', 'provider'],
    ['timestamp', String(provider.timestamp ?? Date.now())],
  ]);
  if (group !== undefined) parameters.set('group', group);
  if (version !== undefined) {
    parameters.set('revision', version);
    parameters.set('version', version);
  }
  for (const [key, value] of Object.entries(provider.parameters ?? {})) parameters.set(key, value);
  const query = [...parameters]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`)
    .join('&');
  const { protocol = 'dubbo', host, port } = provider;
  return urlEncode(`${protocol}://${host}:${port}/${provider.interface}?${query}`);
}

/** The path of a provider's node. */
export function dubboProviderPath(provider: DubboProvider): string {
  return `${dubboProvidersPath(provider.interface)}/${dubboProviderNode(provider)}`;
}

/** The directory of an interface's providers. */
export function dubboProvidersPath(interfaceName: string): string {
  return `/dubbo/${urlEncode(interfaceName)}/providers`;
}

/** As `java.net.URLEncoder` does: it leaves `*` alone, and encodes `~ ! ' ( )`, which encodeURIComponent leaves. */
function urlEncode(text: string): string {
  const hex = (char: string): string => `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(text)
    .replace(/[!'()~]/g, hex)
    .replaceAll('%20', '+');
}

function hasCode(error: unknown, code: number): boolean {
  return error instanceof Exception && error.getCode() === code;
}

function asError(error: Error | Exception): Error {
  return error instanceof Error ? error : new Error(String(error));
}
