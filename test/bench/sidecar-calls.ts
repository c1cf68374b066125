/** What a call through a VIP costs beside one that goes to the provider directly: a real Envoy, plain TCP, one machine. */
import { bridgePorts } from '../support/bridge.ts';
import { provision } from '../support/provision.ts';
import type { Cleanup } from '../support/server.ts';
import { SidecarWorld } from '../support/sidecar-world.ts';
import { connectZkTool, dubboProviderPath } from '../support/zk-tool.ts';
import { startZooKeeper } from '../support/zookeeper.ts';
import { quantile, spread } from './report.ts';

const VIPS = 50;
/** Dialled before, as the first one of an Envoy's life costs tens of milliseconds. */
const WARM = 10;
const CHANGES = 20;
const PORT = 20_880;
const USER = 'com.foo.User';

/** Milliseconds, each the median; from the call to the provider's first octet. */
export interface CallFigures {
  readonly direct: number;
  readonly first: number;
  readonly later: number;
  /** from ZooKeeper's word that a provider is there to the first new connection that meets it */
  readonly followed: { readonly median: number; readonly max: number };
}

export async function measureCalls(test: Cleanup): Promise<CallFigures> {
  await provision(['tools', 'java', 'zookeeper', 'envoy']);
  const at = '127.0.0.1:7001';
  const vips = Array.from({ length: WARM + VIPS }, (_, i) => `247.9.0.${i + 1}`);
  let zookeeper = '';
  const world = await SidecarWorld.open(
    test,
    vips.map((vip, i) => ({ name: `com.foo.Service${i}`, vip, endpoints: [at] })),
    {
      registries: async (launch) => {
        const server = await startZooKeeper({ launch });
        test.after(() => server.remove());
        zookeeper = server.address;
        return `[{ kind: file, path: interfaces.yaml }, { kind: zookeeper, servers: "${zookeeper}" }]`;
      },
    },
  );
  await world.startProvider(at, 'one');
  await world.sh(['ip route replace local 247.0.0.0/8 dev lo']);
  await world.startEnvoy(['--listen', 'redirect:15001']);

  const call = async (host: string, port: number): Promise<number> => {
    const { name, ms, error } = await world.caller.call(host, port);
    if (name !== 'one') throw new Error(`${host}: ${name} ${error}`);
    return ms;
  };
  const times: Record<'direct' | 'first' | 'later', number[]> = { direct: [], first: [], later: [] };
  for (const [i, vip] of vips.entries()) {
    // in turn, so that a busy moment of the machine falls on all
    const [direct, first, later] = [
      await call('127.0.0.1', 7001),
      await call(vip, PORT),
      await call(vip, PORT),
    ];
    if (i < WARM) continue;
    times.direct.push(direct);
    times.first.push(first);
    times.later.push(later);
  }
  const median = (values: readonly number[]) => spread(values).median;
  return {
    direct: median(times.direct),
    first: median(times.first),
    later: median(times.later),
    followed: await follow(test, world, zookeeper),
  };
}

/** Two providers that stand in for each other. */
async function follow(
  test: Cleanup,
  world: SidecarWorld,
  zookeeper: string,
): Promise<CallFigures['followed']> {
  const port = Number(zookeeper.split(':')[1]);
  await bridgePorts(test, world.namespace, { inside: [port] });
  const tool = await connectZkTool(`127.0.0.1:${port}`);
  try {
    const hosts = ['127.0.1.1', '127.0.1.2'];
    for (const host of hosts) await world.startProvider(`${host}:${PORT}`, host);
    const path = (host: string) => dubboProviderPath({ interface: USER, host, port: PORT, timestamp: 1 });
    await tool.create(path(hosts[0] ?? ''));
    let vip: string | undefined;
    while (vip === undefined) vip = await world.vipOf(USER).catch(() => undefined);
    const took: number[] = [];
    for (let i = 0; i <= CHANGES; i++) {
      const [gone = '', next = ''] = [hosts[i % 2], hosts[(i + 1) % 2]];
      await tool.replace(path(gone), path(next));
      const from = performance.now();
      while ((await world.caller.call(vip, PORT)).name !== next);
      // the first one dials the VIP
      if (i > 0) took.push(performance.now() - from);
    }
    return { median: quantile(took, 0.5), max: Math.max(...took) };
  } finally {
    await tool.close();
  }
}
