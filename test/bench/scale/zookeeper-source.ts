/** The interfaces in a real ZooKeeper. */
import { fileURLToPath } from 'node:url';
import { freePort } from '../../support/ports.ts';
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
    heapMegabytes: 1536,
    tickTimeMs: 2_000,
  });
  const client = await connectZkTool(zookeeper.address, { sessionTimeoutMs: 40_000 });
  await client.ensure('/dubbo');
  return new ZooKeeperSource(zookeeper, client, await freePort());
}

export class ZooKeeperSource implements InterfaceSource {
  readonly providers = PROVIDERS;
  readonly registries: string;
  readonly registriesAway: string;
  readonly #zookeeper: ZooKeeper;
  readonly #client: ZkTool;
  #planted = 0;
  /** interfaces that have one provider more */
  readonly #changed = new Set<number>();
  readonly #added = new Set<number>();

  /** @param closedPort where nobody listens */
  constructor(zookeeper: ZooKeeper, client: ZkTool, closedPort: number) {
    this.#zookeeper = zookeeper;
    this.#client = client;
    this.registries = registriesAt(zookeeper.address);
    this.registriesAway = registriesAt(`127.0.0.1:${closedPort}`);
  }

  async plant(size: number): Promise<void> {
    await this.#client.createAll(this.#paths(size));
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
    await (present ? this.#client.createTogether([path]) : this.#client.removeLeaf(path));
    return {
      name: `_endpoints.${interfaceAt(index).structuredDomain}`,
      address: providerAddress(index, PROVIDERS, PROVIDERS),
      present,
    };
  }

  async newInterface(index: number): Promise<void> {
    this.#added.add(index);
    await this.#client.createTogether(interfacePaths(index, PROVIDERS));
  }

  async reset(): Promise<void> {
    const leaves = [...this.#changed].map((index) => providerPath(index, PROVIDERS, PROVIDERS));
    await Promise.all(leaves.map((path) => this.#client.removeLeaf(path)));
    const roots = [...this.#added].map((index) => interfacePaths(index, 0)[0] ?? '');
    await Promise.all(roots.map((path) => this.#client.remove(path)));
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

  async remove(): Promise<void> {
    await this.#client.close();
    await this.#zookeeper.remove();
  }
}

/** Named: what is stored of it counts for it wherever it is. */
function registriesAt(address: string): string {
  return `[{ kind: zookeeper, name: scale, servers: "${address}" }]`;
}
