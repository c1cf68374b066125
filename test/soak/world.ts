/** The real processes, and what is done to them; the model is told of each. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CONFIG_FILE,
  completeConfig,
  createSite,
  type Server,
  type Site,
  startOn,
} from '../support/server.ts';
import type { Addresses } from './addresses.ts';
import { createDisk, type Disk } from './disk.ts';
import type { InterfaceModel, Model } from './model.ts';
import type { Action, FileEntry } from './operations.ts';
import { type Later, Providers } from './providers.ts';
import type { Down } from './timeline.ts';
import {
  configText,
  EXTRA_INTERFACES,
  EXTRA_REGISTRY,
  FILE_INTERFACES,
  FILE_REGISTRY,
  FIRST_SETTINGS,
  fileText,
  type Settings,
} from './universe.ts';
import { Violation } from './violation.ts';

const BROKEN = {
  yaml: 'interfaces: [ { name: com.soak.file.Pinned0\n',
  entry: 'interfaces:\n  - { name: com.soak.file.Pinned0, port: 99999999 }\n',
} as const;
export interface Counts {
  operations: number;
  kills: number;
  restarts: number;
  /** by kind */
  readonly faults: Map<string, number>;
  readonly left: Map<string, number>;
}

export class World {
  readonly site: Site;
  readonly counts: Counts = { operations: 0, kills: 0, restarts: 0, faults: new Map(), left: new Map() };
  readonly #model: Model;
  readonly #addresses: Addresses;
  readonly #providers: Providers;
  readonly #disk: Disk;
  readonly #later: Later;
  #server: Server | undefined;
  #isDiskFull = false;
  #isFileBroken = false;
  #entries: readonly FileEntry[] = FILE_INTERFACES.map((_, i) => ({ interface: i, slots: [0], pin: '' }));

  private constructor(
    parts: { site: Site; providers: Providers; disk: Disk },
    model: Model,
    addresses: Addresses,
    later: Later,
  ) {
    this.site = parts.site;
    this.#providers = parts.providers;
    this.#disk = parts.disk;
    this.#model = model;
    this.#addresses = addresses;
    this.#later = later;
  }

  static async create(model: Model, addresses: Addresses, later: Later): Promise<World> {
    const providers = await Providers.create(model, later);
    const disk = createDisk();
    const config = configText(FIRST_SETTINGS, providers.port, join(disk.folder, 'store.db'));
    const site = await createSite({ config });
    const world = new World({ site, providers, disk }, model, addresses, later);
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
    await this.#providers.close();
    this.#disk.remove();
    rmSync(this.site.folder, { recursive: true, force: true });
  }

  async #prepare(): Promise<void> {
    const extras = EXTRA_INTERFACES.map((spec) => ({ spec, slots: [0], pin: '' }));
    this.site.write(EXTRA_REGISTRY, fileText(extras));
    await this.#writeFile(this.#entries);
    await this.#start(this.#model.serverGoes(Date.now()));
  }

  async #do(action: Action): Promise<boolean> {
    switch (action.op) {
      case 'provide':
        return this.#providers.change(action.interface, (slots) => slots.add(action.slot));
      case 'withdraw':
        return this.#providers.change(action.interface, (slots) => slots.delete(action.slot));
      case 'drop':
        return this.#providers.change(action.interface, (slots) => slots.clear());
      case 'kill-provider':
        this.#later(action.afterMs, async () => {
          await this.#providers.change(action.interface, (slots) => slots.delete(action.slot));
        });
        return true;
      case 'file':
        return this.#writeFile(action.entries);
      case 'break-file':
        return this.#breakFile(action.how, action.forMs);
      case 'mass':
        if (!(await this.#providers.disappear(action.forMs))) return false;
        if (action.isAccepted) this.#later(2_500, () => this.#accept());
        return true;
      case 'zookeeper':
        return this.#providers.disturb(action.how, action.forMs);
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

  async #accept(): Promise<void> {
    const asked = Date.now();
    if (this.#server === undefined) return;
    const { status, stderr } = await this.site.cli('registries', 'accept', 'zk', '-c', CONFIG_FILE);
    if (status === 0 || this.#model.timeline.isDown(asked, Date.now())) return;
    throw new Violation('an emptied registry can be accepted', 'status 0', stderr);
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
    const text = configText(settings, this.#providers.port, join(this.#disk.folder, 'store.db'));
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

function finish(ones: readonly InterfaceModel[]): void {
  const now = Date.now();
  for (const one of ones) one.finish(now);
}
