/** The real ZooKeeper behind its proxy: providers in it, and its faults; the model is told of each. */
import { freePort } from '../support/ports.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { connectZkTool, dubboProviderPath, type ZkTool } from '../support/zk-tool.ts';
import { startZooKeeper, type ZooKeeper } from '../support/zookeeper.ts';
import type { Model } from './model.ts';
import type { Action } from './operations.ts';
import type { Span } from './timeline.ts';
import { BULK_INTERFACES, DISTRUST_FOR_MS, type InterfaceSpec, PORT, ZK_INTERFACES } from './universe.ts';

/** What goes within so long is a mass disappearance. */
const DISTRUST_WINDOW_MS = 10_500;
/** What may be held back of one, after it was seen. */
const DISTRUST_MS = DISTRUST_FOR_MS + DISTRUST_WINDOW_MS;

/** Something that is done by itself later: the end of a fault. */
export type Later = (ms: number, act: () => Promise<void>) => void;
type Fault = Extract<Action, { op: 'zookeeper' }>['how'];

export class Providers {
  readonly #model: Model;
  readonly #zooKeeper: ZooKeeper;
  readonly #proxy: TcpProxy;
  readonly #later: Later;
  #tool: ZkTool;
  /** a fault lasts: another would end it too early */
  #isAway = false;
  /** its process does not run, or stands still */
  #isDead = false;
  readonly #registered = new Map<string, Set<number>>();
  #mass: Span | undefined;
  #changing: Promise<unknown> = Promise.resolve();

  private constructor(zooKeeper: ZooKeeper, proxy: TcpProxy, tool: ZkTool, model: Model, later: Later) {
    this.#zooKeeper = zooKeeper;
    this.#proxy = proxy;
    this.#tool = tool;
    this.#model = model;
    this.#later = later;
  }

  /** Some providers are there from the start. */
  static async create(model: Model, later: Later): Promise<Providers> {
    const zooKeeper = await startZooKeeper();
    const proxy = new TcpProxy(await freePort(), zooKeeper.port);
    await proxy.open();
    const tool = await connectZkTool(zooKeeper.address);
    const providers = new Providers(zooKeeper, proxy, tool, model, later);
    const first = ZK_INTERFACES.filter((_, i) => i % 2 === 0);
    for (const spec of first) await providers.#register(spec, [0, 1]);
    for (const spec of BULK_INTERFACES) await providers.#register(spec, [...spec.slots.keys()]);
    return providers;
  }

  /** Where the server finds it. */
  get port(): number {
    return this.#proxy.port;
  }

  async close(): Promise<void> {
    await this.#tool.close();
    await this.#proxy.close();
    if (this.#isDead) this.#zooKeeper.resume();
    await this.#zooKeeper.remove();
  }

  /** @returns false while it cannot be done */
  async change(number: number, edit: (slots: Set<number>) => unknown): Promise<boolean> {
    const spec = ZK_INTERFACES[number];
    return this.#alone(async () => {
      if (spec === undefined || this.#isDead) return false;
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

  /** Most of the registry goes at once, and comes back. */
  async disappear(forMs: number): Promise<boolean> {
    if (this.#isDead || this.#mass !== undefined) return false;
    // what went in the ten seconds before is doubted too, and comes back
    const distrust = this.#model.timeline.registryFault('zk', Date.now() - DISTRUST_WINDOW_MS);
    this.#mass = distrust;
    const registerAll = (isThere: boolean): Promise<boolean> =>
      this.#alone(async () => {
        if (this.#isDead) return false;
        for (const spec of BULK_INTERFACES) await this.#register(spec, isThere ? [...spec.slots.keys()] : []);
        return true;
      });
    await registerAll(false);
    const back = async (): Promise<void> => {
      this.#later(1_000, (await registerAll(true)) ? over : back);
    };
    // it may have been seen late, and is held from then on
    const over = async (): Promise<void> => {
      const now = Date.now();
      const isLate = this.#isAway || this.#model.timeline.isDown(now - 12_000, now);
      if (isLate) return this.#later(5_000, over);
      this.#later(DISTRUST_MS, async () => {
        distrust.end = Date.now();
        this.#mass = undefined;
      });
    };
    this.#later(forMs, back);
    return true;
  }

  async disturb(how: Fault, forMs: number): Promise<boolean> {
    if (this.#isAway) return false;
    const proxy = this.#proxy;
    const fault = this.#model.timeline.registryFault('zk', Date.now());
    const end = (mend: () => unknown): void => {
      this.#isAway = true;
      this.#later(forMs, async () => {
        // from here on it may be reached again
        this.#model.zooKeeperAway = undefined;
        await mend();
        this.#isAway = false;
        this.#isDead = false;
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
        this.#isDead = true;
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
