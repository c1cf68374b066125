/** The real processes, and what is done to them; the model is told of each. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../support/ports.ts';
import {
  CONFIG_FILE,
  completeConfig,
  createSite,
  type Server,
  type Site,
  startOn,
} from '../support/server.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { connectZkTool, dubboProviderPath, type ZkTool } from '../support/zk-tool.ts';
import { startZooKeeper, type ZooKeeper } from '../support/zookeeper.ts';
import type { Addresses } from './addresses.ts';
import { createDisk, type Disk } from './disk.ts';
import type { InterfaceModel, Model } from './model.ts';
import type { Action, FileEntry } from './operations.ts';
import type { Down, Span } from './timeline.ts';
import {
  BULK_INTERFACES,
  configText,
  DISTRUST_FOR_MS,
  EXTRA_INTERFACES,
  EXTRA_REGISTRY,
  FILE_INTERFACES,
  FILE_REGISTRY,
  FIRST_SETTINGS,
  fileText,
  type InterfaceSpec,
  PORT,
  type Settings,
  ZK_INTERFACES,
} from './universe.ts';
import { Violation } from './violation.ts';

const BROKEN = {
  yaml: 'interfaces: [ { name: com.soak.file.Pinned0\n',
  entry: 'interfaces:\n  - { name: com.soak.file.Pinned0, port: 99999999 }\n',
} as const;
/** What goes within so long is a mass disappearance. */
const DISTRUST_WINDOW_MS = 10_500;
/** What may be held back of one, after it was seen. */
const DISTRUST_MS = DISTRUST_FOR_MS + DISTRUST_WINDOW_MS;

export interface Counts {
  operations: number;
  kills: number;
  restarts: number;
  /** by kind */
  readonly faults: Map<string, number>;
  readonly left: Map<string, number>;
}

/** Something that is done by itself later: the end of a fault. */
type Later = (ms: number, act: () => Promise<void>) => void;

export class World {
  readonly site: Site;
  readonly counts: Counts = { operations: 0, kills: 0, restarts: 0, faults: new Map(), left: new Map() };
  readonly #model: Model;
  readonly #addresses: Addresses;
  readonly #zooKeeper: ZooKeeper;
  readonly #proxy: TcpProxy;
  readonly #disk: Disk;
  readonly #later: Later;
  #tool: ZkTool;
  #server: Server | undefined;
  /** a fault of ZooKeeper's lasts: another would end it too early */
  #isZooKeeperAway = false;
  /** its process does not run, or stands still */
  #isZooKeeperDead = false;
  #isDiskFull = false;
  #isFileBroken = false;
  #entries: readonly FileEntry[] = FILE_INTERFACES.map((_, i) => ({ interface: i, slots: [0], pin: '' }));
  readonly #registered = new Map<string, Set<number>>();
  #mass: Span | undefined;
  #changing: Promise<unknown> = Promise.resolve();

  private constructor(
    parts: { site: Site; zooKeeper: ZooKeeper; proxy: TcpProxy; disk: Disk; tool: ZkTool },
    model: Model,
    addresses: Addresses,
    later: Later,
  ) {
    this.site = parts.site;
    this.#zooKeeper = parts.zooKeeper;
    this.#proxy = parts.proxy;
    this.#disk = parts.disk;
    this.#tool = parts.tool;
    this.#model = model;
    this.#addresses = addresses;
    this.#later = later;
  }

  static async create(model: Model, addresses: Addresses, later: Later): Promise<World> {
    const zooKeeper = await startZooKeeper();
    const proxy = new TcpProxy(await freePort(), zooKeeper.port);
    await proxy.open();
    const disk = createDisk();
    const config = configText(FIRST_SETTINGS, proxy.port, join(disk.folder, 'store.db'));
    const site = await createSite({ config });
    const tool = await connectZkTool(zooKeeper.address);
    const world = new World({ site, zooKeeper, proxy, disk, tool }, model, addresses, later);
    await world.#prepare();
    return world;
  }

  get hasDisk(): boolean {
    return this.#disk.fill !== undefined;
  }

  /** undefined while none runs */
  get server(): Server | undefined {
    return this.#server;
  }

  /** @returns false when it could not be done now, and was left out */
  async act(action: Action): Promise<boolean> {
    const isDone = await this.#do(action);
    const counts = isDone ? this.counts.faults : this.counts.left;
    const kind =
      action.op === 'zookeeper' || action.op === 'restart' ? `${action.op} ${action.how}` : action.op;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
    if (isDone) this.counts.operations++;
    return isDone;
  }

  async close(): Promise<void> {
    await this.#server?.kill();
    await this.#tool.close();
    await this.#proxy.close();
    if (this.#isZooKeeperDead) this.#zooKeeper.resume();
    await this.#zooKeeper.remove();
    this.#disk.remove();
    rmSync(this.site.folder, { recursive: true, force: true });
  }

  async #prepare(): Promise<void> {
    for (const spec of [...ZK_INTERFACES, ...BULK_INTERFACES]) this.#registered.set(spec.name, new Set());
    const first = ZK_INTERFACES.filter((_, i) => i % 2 === 0);
    for (const spec of first) await this.#register(spec, [0, 1]);
    for (const spec of BULK_INTERFACES) await this.#register(spec, [...spec.slots.keys()]);
    const extras = EXTRA_INTERFACES.map((spec) => ({ spec, slots: [0], pin: '' }));
    this.site.write(EXTRA_REGISTRY, fileText(extras));
    await this.#writeFile(this.#entries);
    await this.#start(this.#model.serverGoes(Date.now()));
  }

  async #do(action: Action): Promise<boolean> {
    switch (action.op) {
      case 'provide':
        return this.#change(action.interface, (slots) => slots.add(action.slot));
      case 'withdraw':
        return this.#change(action.interface, (slots) => slots.delete(action.slot));
      case 'drop':
        return this.#change(action.interface, (slots) => slots.clear());
      case 'kill-provider':
        this.#later(action.afterMs, async () => {
          await this.#change(action.interface, (slots) => slots.delete(action.slot));
        });
        return true;
      case 'file':
        return this.#writeFile(action.entries);
      case 'break-file':
        return this.#breakFile(action.how, action.forMs);
      case 'mass':
        return this.#disappear(action.isAccepted, action.forMs);
      case 'zookeeper':
        return this.#disturb(action.how, action.forMs);
      case 'full-disk':
        return this.#fillDisk(action.forMs);
      case 'reload':
        return this.#reload(action.settings);
      case 'hangups':
        for (let i = 0; i < action.times; i++) this.#server?.child.signal('SIGHUP');
        return true;
      case 'restart':
        return this.#restart(action.how, action.pauseMs);
    }
  }

  async #change(number: number, edit: (slots: Set<number>) => unknown): Promise<boolean> {
    const spec = ZK_INTERFACES[number];
    return this.#alone(async () => {
      if (spec === undefined || this.#isZooKeeperDead) return false;
      const wanted = new Set(this.#registered.get(spec.name));
      edit(wanted);
      await this.#register(spec, [...wanted]);
      return true;
    });
  }

  /** One after another: what is done later meets what is done now. */
  #alone<Result>(act: () => Promise<Result>): Promise<Result> {
    const result = this.#changing.then(act);
    this.#changing = result.catch(() => {});
    return result;
  }

  /** The interface has these providers, and no others. */
  async #register(spec: InterfaceSpec, slots: readonly number[]): Promise<void> {
    const one = this.#model.of(spec.name);
    const before = this.#registered.get(spec.name) ?? new Set();
    const wanted = new Set(slots);
    one.begin(wanted, '', Date.now());
    for (const slot of wanted.difference(before)) await this.#tool.create(pathOf(spec, slot));
    for (const slot of before.difference(wanted)) await this.#tool.removeLeaf(pathOf(spec, slot));
    this.#registered.set(spec.name, wanted);
    one.finish(Date.now());
  }

  #writeFile(entries: readonly FileEntry[]): boolean {
    this.#entries = entries;
    if (this.#isFileBroken) return false;
    const known = entries.flatMap(({ interface: number, slots, pin }) => {
      const spec = FILE_INTERFACES[number];
      return spec === undefined ? [] : [{ spec, slots, pin }];
    });
    const now = Date.now();
    const ones = known.map(({ spec }) => this.#model.of(spec.name));
    for (const { spec, slots, pin } of known) {
      // a pin of what is not there pins nothing
      this.#model.of(spec.name).begin(new Set(slots), slots.length === 0 ? '' : pin, now);
    }
    this.site.write(FILE_REGISTRY, fileText(known));
    finish(ones);
    return true;
  }

  #breakFile(how: 'yaml' | 'entry' | 'gone', forMs: number): boolean {
    if (this.#isFileBroken) return false;
    this.#isFileBroken = true;
    const fault = this.#model.timeline.registryFault('file', Date.now());
    if (how === 'gone') rmSync(join(this.site.folder, FILE_REGISTRY));
    else this.site.write(FILE_REGISTRY, BROKEN[how]);
    this.#later(forMs, async () => {
      this.#isFileBroken = false;
      this.#writeFile(this.#entries);
      fault.end = Date.now();
    });
    return true;
  }

  async #disappear(isAccepted: boolean, forMs: number): Promise<boolean> {
    if (this.#isZooKeeperDead || this.#mass !== undefined) return false;
    // what went in the ten seconds before is doubted too, and comes back
    const distrust = this.#model.timeline.registryFault('zk', Date.now() - DISTRUST_WINDOW_MS);
    this.#mass = distrust;
    const registerAll = (isThere: boolean): Promise<boolean> =>
      this.#alone(async () => {
        if (this.#isZooKeeperDead) return false;
        for (const spec of BULK_INTERFACES) await this.#register(spec, isThere ? [...spec.slots.keys()] : []);
        return true;
      });
    await registerAll(false);
    if (isAccepted) this.#later(2_500, () => this.#accept());
    const back = async (): Promise<void> => {
      this.#later(1_000, (await registerAll(true)) ? over : back);
    };
    // it may have been seen late, and is held from then on
    const over = async (): Promise<void> => {
      const now = Date.now();
      const isLate = this.#isZooKeeperAway || this.#model.timeline.isDown(now - 12_000, now);
      if (isLate) return this.#later(5_000, over);
      this.#later(DISTRUST_MS, async () => {
        distrust.end = Date.now();
        this.#mass = undefined;
      });
    };
    this.#later(forMs, back);
    return true;
  }

  async #accept(): Promise<void> {
    const asked = Date.now();
    if (this.#server === undefined) return;
    const { status, stderr } = await this.site.cli('registries', 'accept', 'zk', '-c', CONFIG_FILE);
    if (status === 0 || this.#model.timeline.isDown(asked, Date.now())) return;
    throw new Violation('an emptied registry can be accepted', 'status 0', stderr);
  }

  async #disturb(
    how: 'cut' | 'refuse' | 'hang' | 'slow' | 'kill' | 'pause' | 'expire',
    forMs: number,
  ): Promise<boolean> {
    if (this.#isZooKeeperAway) return false;
    const proxy = this.#proxy;
    const fault = this.#model.timeline.registryFault('zk', Date.now());
    const end = (mend: () => unknown): void => {
      this.#isZooKeeperAway = true;
      this.#later(forMs, async () => {
        // from here on it may be reached again
        this.#model.zooKeeperAway = undefined;
        await mend();
        this.#isZooKeeperAway = false;
        this.#isZooKeeperDead = false;
        fault.end = Date.now();
      });
    };
    if (how === 'cut') {
      proxy.cut();
      fault.end = Date.now();
    } else if (how === 'expire') {
      const ids = (await this.#zooKeeper.sessions()).filter((id) => id !== this.#tool.sessionId);
      for (const id of ids) await this.#zooKeeper.expireSession(id).catch(() => {});
      fault.end = Date.now();
    } else if (how === 'refuse') {
      await proxy.close();
      this.#model.zooKeeperAway = Date.now();
      end(() => proxy.open());
    } else if (how === 'hang') {
      proxy.hold(true);
      end(() => proxy.hold(false));
    } else if (how === 'slow') {
      proxy.delayMs = 300;
      end(() => {
        proxy.delayMs = 0;
      });
    } else {
      await this.#alone(async () => {
        this.#isZooKeeperDead = true;
        await this.#tool.close();
        if (how === 'pause') this.#zooKeeper.pause();
        else await this.#zooKeeper.kill();
      });
      if (how === 'kill') this.#model.zooKeeperAway = Date.now();
      end(async () => {
        if (how === 'pause') this.#zooKeeper.resume();
        else await this.#zooKeeper.start();
        this.#tool = await connectZkTool(this.#zooKeeper.address);
      });
    }
    return true;
  }

  #fillDisk(forMs: number): boolean {
    if (this.#disk.fill === undefined || this.#isDiskFull) return false;
    this.#isDiskFull = true;
    const fault = this.#model.timeline.storeFault(Date.now());
    this.#disk.fill();
    this.#later(forMs, async () => {
      this.#disk.free();
      this.#isDiskFull = false;
      fault.end = Date.now();
    });
    return true;
  }

  async #reload(settings: Settings): Promise<boolean> {
    const server = this.#server;
    // a registry that cannot be read may keep the configuration from being taken over
    if (server === undefined || this.#isFileBroken) return false;
    this.#beginSettings(settings);
    const isReloaded = await server.reload();
    if (!isReloaded) throw new Violation('a good configuration is taken over', 'reloaded', 'not reloaded');
    this.#model.settings.finish(Date.now());
    finish(this.#extras());
    return true;
  }

  #beginSettings(settings: Settings): void {
    const now = Date.now();
    this.#model.settings.begin(settings, now);
    for (const one of this.#extras()) one.begin(new Set(settings.hasExtra ? [0] : []), '', now);
    const text = configText(settings, this.#proxy.port, join(this.#disk.folder, 'store.db'));
    this.site.write(CONFIG_FILE, completeConfig(text, this.site));
  }

  #extras(): InterfaceModel[] {
    return EXTRA_INTERFACES.map(({ name }) => this.#model.of(name));
  }

  async #restart(how: 'SIGTERM' | 'SIGKILL', pauseMs: number): Promise<boolean> {
    const server = this.#server;
    // what a start on a full disk or with a broken file does is not the question here
    if (server === undefined || this.#isDiskFull || this.#isFileBroken) return false;
    this.#server = undefined;
    const down = this.#model.serverGoes(Date.now());
    if (how === 'SIGKILL') {
      await server.kill();
      this.counts.kills++;
      this.#addresses.checkStored(await this.#storedAddresses(), down.begin);
    } else {
      const { code } = await server.stop();
      if (code !== 0) throw new Violation('SIGTERM ends with status 0', '0', String(code));
    }
    this.counts.restarts++;
    await sleep(pauseMs);
    if (this.#isDiskFull || this.#isFileBroken) throw new Error('faults begin one after another');
    await this.#start(down);
    return true;
  }

  /** @returns interfaces by address */
  async #storedAddresses(): Promise<Map<string, string>> {
    const { status, stdout, stderr } = await this.site.cli('vips', 'list', '-c', CONFIG_FILE);
    if (status !== 0) throw new Violation('the store of a killed server can be read', 'status 0', stderr);
    const rows = [...stdout.matchAll(/^(\d+\.\d+\.\d+\.\d+) +([\w.$]+)/gm)];
    return new Map(rows.map(([, address = '', name = '']) => [address, name]));
  }

  async #start(down: Down): Promise<void> {
    const server = await startOn(this.site, undefined, { env: { RPC_DNS_LOG_LEVEL: 'info' } });
    this.#server = server;
    void server.child.exited.then(() => {
      if (this.#server === server) this.onExit(server);
    });
    const isReady = async () => (await server.http('/ready').catch(() => ({ status: 0 }))).status === 200;
    while (this.#server === server && server.child.running && !(await isReady())) await sleep(50);
    down.end = Date.now();
  }

  /** The server ended by itself. */
  onExit: (server: Server) => void = () => {};
}

function pathOf(spec: InterfaceSpec, number: number): string {
  const { host = '', version = '', group = '' } = spec.slots[number] ?? {};
  return dubboProviderPath({
    interface: spec.name,
    host,
    port: PORT,
    timestamp: 1,
    ...(version === '' ? {} : { version }),
    ...(group === '' ? {} : { group }),
  });
}

function finish(ones: readonly InterfaceModel[]): void {
  const now = Date.now();
  for (const one of ones) one.finish(now);
}
