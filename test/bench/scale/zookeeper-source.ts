/** The interfaces in a real ZooKeeper. */
import { fileURLToPath } from 'node:url';
import { runToEnd } from '../../support/process.ts';
import { tempFolder } from '../../support/temp.ts';
import { connectZkTool, type ZkTool } from '../../support/zk-tool.ts';
import { startZooKeeper, type ZooKeeper } from '../../support/zookeeper.ts';
import { interfaceAt, interfacePaths, providerAddress, providerPath } from './interfaces.ts';
import type { Change, InterfaceSource } from './source.ts';

const PROVIDERS = 3;
const LISTER = fileURLToPath(new URL('list-alone.ts', import.meta.url));

export async function createZooKeeperSource(): Promise<ZooKeeperSource> {
  // in memory: neither a slow disk nor the server's own writes are to be seen in the figures
  const zookeeper = await startZooKeeper({
    dataDir: tempFolder('zookeeper', '/dev/shm'),
    heapMegabytes: 1024,
    tickTimeMs: 2_000,
  });
  const source = new ZooKeeperSource(zookeeper);
  await source.connect();
  return source;
}

export class ZooKeeperSource implements InterfaceSource {
  readonly providers = PROVIDERS;
  readonly registries: string;
  readonly #zookeeper: ZooKeeper;
  #client: ZkTool | undefined;
  #planted = 0;
  /** interfaces that have one provider more */
  readonly #changed = new Set<number>();
  readonly #added = new Set<number>();

  constructor(zookeeper: ZooKeeper) {
    this.#zookeeper = zookeeper;
    this.registries = `[{ kind: zookeeper, servers: "${zookeeper.address}" }]`;
  }

  async connect(): Promise<void> {
    this.#client = await connectZkTool(this.#zookeeper.address, { sessionTimeoutMs: 40_000 });
    await this.#tool.ensure('/dubbo');
  }

  async plant(size: number): Promise<void> {
    await this.#tool.createAll(this.#paths(size));
    this.#planted = size;
  }

  *#paths(size: number): Generator<string> {
    for (let index = this.#planted; index < size; index++) yield* interfacePaths(index, PROVIDERS);
  }

  async change(index: number): Promise<Change> {
    const path = providerPath(index, PROVIDERS, PROVIDERS);
    const present = !this.#changed.has(index);
    // noted first: changes overtake one another in no other way than their requests do
    if (present) this.#changed.add(index);
    else this.#changed.delete(index);
    await (present ? this.#tool.createTogether([path]) : this.#tool.removeLeaf(path));
    return {
      name: `_endpoints.${interfaceAt(index).structuredDomain}`,
      address: providerAddress(index, PROVIDERS, PROVIDERS),
      present,
    };
  }

  async newInterface(index: number): Promise<void> {
    this.#added.add(index);
    await this.#tool.createTogether(interfacePaths(index, PROVIDERS));
  }

  async reset(): Promise<void> {
    const leaves = [...this.#changed].map((index) => providerPath(index, PROVIDERS, PROVIDERS));
    await Promise.all(leaves.map((path) => this.#tool.removeLeaf(path)));
    const roots = [...this.#added].map((index) => interfacePaths(index, 0)[0] ?? '');
    await Promise.all(roots.map((path) => this.#tool.remove(path)));
    this.#changed.clear();
    this.#added.clear();
  }

  async listAlone(): Promise<number> {
    const { code, stdout, stderr } = await runToEnd(process.execPath, [LISTER, this.#zookeeper.address], {
      deadlineMs: 600_000,
    });
    const seconds = Number(/^(\d+) directories in ([\d.]+) s$/m.exec(stdout)?.[2]);
    if (code !== 0 || Number.isNaN(seconds)) throw new Error(`listing alone failed:\n${stdout}${stderr}`);
    return seconds;
  }

  /** Its session ends while ZooKeeper goes on: a restart would take the CPU that is to be measured. */
  async cutOff(pid: number): Promise<void> {
    const sessions = await this.#zookeeper.sessionsOf(pid);
    if (sessions.length === 0) throw new Error('the server has no session with ZooKeeper');
    await Promise.all(sessions.map((id) => this.#zookeeper.expireSession(id)));
  }

  async stop(): Promise<void> {
    await this.#client?.close();
    this.#client = undefined;
    await this.#zookeeper.stop();
  }

  async resume(): Promise<void> {
    await this.#zookeeper.start();
    await this.connect();
  }

  async remove(): Promise<void> {
    await this.#client?.close();
    await this.#zookeeper.remove();
  }

  get #tool(): ZkTool {
    if (this.#client === undefined) throw new Error('ZooKeeper is stopped');
    return this.#client;
  }
}
