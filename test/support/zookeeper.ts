/** A real ZooKeeper server of a test's own: started, stopped, killed, paused, wiped, its sessions expired. */
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort } from './ports.ts';
import { type Child, type Exit, type Launch, runToEnd, startChild, until } from './process.ts';
import { tempFolder } from './temp.ts';

/** From Debian's libzookeeper-java and libslf4j-java; the first names its own dependencies. */
export const ZOOKEEPER_JARS = ['/usr/share/java/zookeeper.jar', '/usr/share/java/slf4j-simple.jar'] as const;

export interface ZooKeeperOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** Default: a new temporary folder, which `remove()` deletes, and the end of the test process. */
  readonly dataDir?: string;
  /** Default 500 ms; a session lives between 2 and 20 ticks after the last word of its client. */
  readonly tickTimeMs?: number;
  /** Default: 20 ticks, which cuts the 60 s that Dubbo asks for down to 10 s. */
  readonly maxSessionTimeoutMs?: number;
  /** Default 256; 300,000 nodes want 1024. */
  readonly heapMegabytes?: number;
  /** Where it runs, a namespace's `run` for instance; default: beside the test, where alone sessions can be expired. */
  readonly launch?: Launch;
}

/** Starts a server and waits until it serves. */
export async function startZooKeeper(options: ZooKeeperOptions = {}): Promise<ZooKeeper> {
  const ownDataDir = options.dataDir === undefined;
  const dataDir = options.dataDir ?? tempFolder('zookeeper');
  const server = new ZooKeeper(options.port ?? (await freePort()), dataDir, ownDataDir, options);
  await server.start();
  return server;
}

export class ZooKeeper {
  readonly port: number;
  readonly dataDir: string;
  /** `127.0.0.1:PORT`, as clients want it. */
  readonly address: string;
  readonly #ownDataDir: boolean;
  readonly #options: ZooKeeperOptions;
  #child: Child | null = null;

  constructor(port: number, dataDir: string, ownDataDir: boolean, options: ZooKeeperOptions) {
    this.port = port;
    this.dataDir = dataDir;
    this.address = `127.0.0.1:${port}`;
    this.#ownDataDir = ownDataDir;
    this.#options = options;
  }

  get pid(): number {
    if (this.#child === null) throw new Error('ZooKeeper is not running');
    return this.#child.pid;
  }

  /** The server's log since its last start. */
  get log(): string {
    return this.#child?.output() ?? '';
  }

  /** Starts it, again on the same port and data when it was stopped. */
  async start(): Promise<void> {
    if (this.#child?.running === true) throw new Error('ZooKeeper runs already');
    await mkdir(this.dataDir, { recursive: true });
    const configPath = join(this.dataDir, 'zoo.cfg');
    await writeFile(configPath, this.#configuration());
    const launch = this.#options.launch ?? startChild;
    const child = launch(
      'java',
      [
        `-Xmx${this.#options.heapMegabytes ?? 256}m`,
        '-XX:+UseSerialGC',
        '-XX:TieredStopAtLevel=1',
        '-Dzookeeper.admin.enableServer=false',
        '-Dzookeeper.jmx.log4j.disable=true',
        // A log of 1 MB to begin with, not 64, and no fsync: a test kills the process, never the machine.
        '-Dzookeeper.preAllocSize=1024',
        '-Dzookeeper.forceSync=no',
        '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
        '-cp',
        ZOOKEEPER_JARS.join(':'),
        'org.apache.zookeeper.server.quorum.QuorumPeerMain',
        configPath,
      ],
      { name: 'ZooKeeper' },
    );
    this.#child = child;
    // `ruok` says imok too early; a whole `srvr` reply comes only from a server that serves.
    await until(`ZooKeeper serves on ${this.address}`, async () => {
      if (!child.running) throw new Error(`ZooKeeper ended at its start:\n${child.output()}`);
      // A server that is not ready may accept the word and never reply: do not wait for it.
      const reply = await this.#ask('srvr', 300).catch(() => '');
      return /^Mode: \w+[\s\S]*^Node count: \d+/m.test(reply);
    });
  }

  /** SIGTERM; the data stays. */
  stop(): Promise<Exit> {
    return this.#running().stop();
  }

  /** `kill -9`; the data stays. */
  kill(): Promise<Exit> {
    return this.#running().kill();
  }

  /** SIGSTOP: connections stay open and nobody answers. */
  pause(): void {
    this.#running().signal('SIGSTOP');
  }

  resume(): void {
    this.#running().signal('SIGCONT');
  }

  /** Stops it if it runs, deletes all data, and starts it: transaction numbers begin anew. */
  async wipe(): Promise<void> {
    if (this.#child?.running === true) await this.stop();
    await rm(join(this.dataDir, 'version-2'), { recursive: true, force: true });
    await this.start();
  }

  /** Stops it, copies all data, and starts it again; returns what puts the copy back in the same manner. */
  async backUp(): Promise<() => Promise<void>> {
    const data = join(this.dataDir, 'version-2');
    const copy = join(tempFolder('zookeeper-backup'), 'version-2');
    await this.stop();
    await cp(data, copy, { recursive: true });
    await this.start();
    return async () => {
      await this.stop();
      await rm(data, { recursive: true, force: true });
      await cp(copy, data, { recursive: true });
      await this.start();
    };
  }

  /** Kills it, and deletes the data folder if it was made for this server. */
  async remove(): Promise<void> {
    if (this.#child?.running === true) await this.kill();
    if (this.#ownDataDir) await rm(this.dataDir, { recursive: true, force: true });
  }

  /** The ids (`0x…`) of all sessions that have not expired, connected or not. */
  async sessions(): Promise<readonly string[]> {
    const ids = new Set<string>();
    // a session that is moved from one set to the next just now may be in neither
    for (let reading = 0; reading < 3; reading++) {
      const dump = await this.#ask('dump');
      const sets = dump.slice(dump.indexOf('Session Sets'), dump.indexOf('ephemeral nodes dump'));
      for (const [, id = ''] of sets.matchAll(/^\s*(0x[0-9a-f]+)$/gm)) ids.add(id);
    }
    return [...ids];
  }

  /** The sessions whose connections a process of this machine holds. */
  async sessionsOf(pid: number): Promise<readonly string[]> {
    const { launch = startChild } = this.#options;
    const filter = ['dst', '127.0.0.1', 'dport', '=', `:${this.port}`];
    const { stdout } = await runToEnd('ss', ['-Htnp', ...filter], { launch });
    const ports = new Set<string>();
    for (const line of stdout.split('\n')) {
      const port = /\s127\.0\.0\.1:(\d+)\s/.exec(line.replaceAll('[::ffff:127.0.0.1]', '127.0.0.1'))?.[1];
      if (port !== undefined && line.includes(`pid=${pid},`)) ports.add(port);
    }
    const connections = await this.#ask('cons');
    return [...connections.matchAll(/^ \/[^[]*:(\d+)\[.*\bsid=(0x[0-9a-f]+)/gm)]
      .filter(([, port = '']) => ports.has(port))
      .map(([, , id = '']) => id);
  }

  /**
   * Ends a session while its client lives: its ephemeral nodes go at once, its connection is cut, and the
   * client learns at its next attempt that the session has expired.
   */
  async expireSession(id: string): Promise<void> {
    if (this.#options.launch !== undefined)
      throw new Error('only a ZooKeeper beside the test can be reached');
    for (let attempt = 0; attempt < 5; attempt++) {
      await closeForeignSession(this.port, BigInt(id));
      if (!(await this.sessions()).includes(id)) return;
    }
    throw new Error(`session ${id} outlived five attempts to end it`);
  }

  /** Expires every session that exists now; returns how many there were. */
  async expireAllSessions(): Promise<number> {
    const ids = await this.sessions();
    await Promise.all(ids.map((id) => this.expireSession(id)));
    return ids.length;
  }

  /** A four-letter word (`srvr`, `dump`, `cons`, `wchs`, …) and the server's reply. */
  async #ask(word: string, deadlineMs = 2_000): Promise<string> {
    const { launch } = this.#options;
    if (launch === undefined) return fourLetterWord(this.port, word, deadlineMs);
    const script = `exec 3<>/dev/tcp/127.0.0.1/${this.port} && printf ${word} >&3 && exec cat <&3`;
    return (await runToEnd('bash', ['-c', script], { launch, deadlineMs })).stdout;
  }

  #running(): Child {
    if (this.#child?.running !== true) throw new Error('ZooKeeper is not running');
    return this.#child;
  }

  #configuration(): string {
    const { tickTimeMs = 500, maxSessionTimeoutMs = tickTimeMs * 20 } = this.#options;
    return [
      `tickTime=${tickTimeMs}`,
      `dataDir=${this.dataDir}`,
      'clientPortAddress=127.0.0.1',
      `clientPort=${this.port}`,
      'maxClientCnxns=0',
      `minSessionTimeout=${tickTimeMs * 2}`,
      `maxSessionTimeout=${maxSessionTimeoutMs}`,
      '4lw.commands.whitelist=*',
      'admin.enableServer=false',
      '',
    ].join('\n');
  }
}

/** Asks a ZooKeeper on this machine one of its four-letter words. */
export function fourLetterWord(port: number, word: string, deadlineMs = 2_000): Promise<string> {
  return exchange(port, Buffer.from(word), deadlineMs).then((reply) => reply.toString());
}

/**
 * Joins the session by its id and password and closes it. The server derives the password from the id and
 * a constant of its source, so the id is enough.
 */
async function closeForeignSession(port: number, id: bigint): Promise<void> {
  const connectRequest = Buffer.alloc(4 + 45);
  connectRequest.writeInt32BE(45, 0);
  connectRequest.writeInt32BE(10_000, 4 + 12); // session timeout; protocol version and last zxid stay 0
  connectRequest.writeBigUInt64BE(id, 4 + 16);
  connectRequest.writeInt32BE(16, 4 + 24);
  sessionPassword(id).copy(connectRequest, 4 + 28);
  const closeRequest = Buffer.alloc(4 + 8);
  closeRequest.writeInt32BE(8, 0);
  closeRequest.writeInt32BE(1, 4);
  closeRequest.writeInt32BE(-11, 8); // OpCode.closeSession
  // Both in one write, so that the client has no time to take its session back.
  await exchange(port, Buffer.concat([connectRequest, closeRequest]), 2_000);
}

const SUPER_SECRET = 0xb3415c00n;

/** What `java.util.Random(id ^ SUPER_SECRET).nextBytes(16)` yields. */
function sessionPassword(id: bigint): Buffer {
  const mask = (1n << 48n) - 1n;
  let seed = (id ^ SUPER_SECRET ^ 0x5deece66dn) & mask;
  const password = Buffer.alloc(16);
  for (let offset = 0; offset < 16; offset += 4) {
    seed = (seed * 0x5deece66dn + 0xbn) & mask;
    password.writeUInt32LE(Number((seed >> 16n) & 0xffffffffn), offset);
  }
  return password;
}

/** Sends octets, and returns what comes until the server closes. */
function exchange(port: number, octets: Buffer, deadlineMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(octets));
    socket.setTimeout(deadlineMs, () => socket.destroy(new Error(`ZooKeeper silent for ${deadlineMs} ms`)));
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.once('error', reject);
    socket.once('end', () => resolve(Buffer.concat(chunks)));
    socket.once('close', () => resolve(Buffer.concat(chunks)));
  });
}
