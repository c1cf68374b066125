/**
 * Lists the root and every `providers` directory, leaves the same watches as the server does, and ends.
 *
 *     node test/bench/scale/list-alone.ts HOST:PORT
 */
import { parseServers, ZOOKEEPER_DEFAULTS } from '../../../src/registry/zookeeper/options.ts';
import { Session } from '../../../src/registry/zookeeper/session.ts';

const servers = process.argv[2] ?? '';
const ensemble = parseServers(servers);
const server = ensemble.ok ? ensemble.value.servers[0] : undefined;
if (server === undefined) throw new Error(`'${servers}': expected HOST:PORT`);

const session = new Session(
  server,
  { ...ZOOKEEPER_DEFAULTS, servers },
  {
    opened: () => void list(),
    event: () => {},
    lost: (reason) => fail(reason),
  },
);

async function list(): Promise<void> {
  const root = await session.list(ZOOKEEPER_DEFAULTS.roots.dubbo);
  if (root.kind !== 'list') return fail(root.kind);
  const names = root.names.values();
  const readAll = async (): Promise<void> => {
    // one iterator for all of them
    for (const name of names) {
      const reply = await session.list(`${ZOOKEEPER_DEFAULTS.roots.dubbo}/${name}/providers`);
      if (reply.kind !== 'list') return fail(reply.kind);
    }
  };
  await Promise.all(Array.from({ length: ZOOKEEPER_DEFAULTS.parallelReads }, readAll));
  // the process began at 0: its own start counts, as the server's does
  console.log(`${root.names.length} directories in ${(performance.now() / 1_000).toFixed(3)} s`);
  await session.close();
}

function fail(reason: string): void {
  console.error(reason);
  process.exit(1);
}
