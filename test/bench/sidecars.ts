/** What sidecars cost, and what calls through them do: streams that each follow a few VIPs of many interfaces, and a real Envoy. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ClientConnection } from '../../src/grpc/client-connection.ts';
import { decoded, encoded } from '../../src/grpc/messages.ts';
import { DeltaDiscoveryRequestSchema, DeltaDiscoveryResponseSchema } from '../../src/grpc/protos/ads_pb.ts';
import { parseAddress } from '../../src/name/address.ts';
import { CLUSTER_TYPE, clusterName } from '../../src/sidecars/vip-cluster.ts';
import { freePort } from '../support/ports.ts';
import { runToEnd, startChild, until } from '../support/process.ts';
import { cpuMicros, memoryOf } from '../support/process-figures.ts';
import { envoyPath, provision } from '../support/provision.ts';
import { ask, type Cleanup } from '../support/server.ts';
import { tempFolder } from '../support/temp.ts';
import { GeneratedSource } from './scale/generated-source.ts';
import { interfaceAt } from './scale/interfaces.ts';
import { oursGenerated } from './scale/subject.ts';
import { type CallFigures, measureCalls } from './sidecar-calls.ts';
import { measureWholes, type WholeFigures } from './sidecar-wholes.ts';

export interface SidecarBenchOptions {
  readonly interfaces: number;
  readonly streams: number;
  /** of each stream */
  readonly vips: number;
  /** interfaces of the Envoys that hold all of them */
  readonly wholes: number;
}

const METHOD = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
const PORT = 20_880;
const CHANGES = 10;
/** So long memory is left to settle. */
const SETTLE_MS = 10_000;

/** @param say told what is measured now */
export async function benchSidecars(
  options: SidecarBenchOptions,
  say: (line: string) => void,
): Promise<string> {
  say('calls');
  const called = await cleanedUp(measureCalls);
  say('streams');
  const streams = await benchStreams(options, called);
  const wholes = await cleanedUp((test) => measureWholes(test, options.wholes, say));
  return `${streams}\n\n${wholesTable(options.wholes, wholes)}`;
}

async function cleanedUp<T>(measure: (test: Cleanup) => Promise<T>): Promise<T> {
  const cleaning: (() => unknown)[] = [];
  try {
    return await measure({ after: (clean) => void cleaning.push(clean) });
  } finally {
    for (const clean of cleaning.reverse()) await clean();
  }
}

function wholesTable(interfaces: number, figures: readonly WholeFigures[]): string {
  return [
    `| an Envoy beside ${interfaces} interfaces | memory, MB | ready after, s |`,
    '| --- | --: | --: |',
    ...figures.map(({ what, megabytes, seconds }) => {
      return `| ${what} | ${megabytes.toFixed(0)} | ${Number.isNaN(seconds) ? '' : seconds.toFixed(1)} |`;
    }),
  ].join('\n');
}

async function benchStreams(
  { interfaces, streams, vips }: SidecarBenchOptions,
  called: CallFigures,
): Promise<string> {
  await provision(['envoy']);
  const source = new GeneratedSource(3);
  await source.plant(interfaces);
  const port = await freePort();
  const extra = `\nsidecars: { listen: "127.0.0.1:${port}" }`;
  const folder = tempFolder('sidecars');
  const server = await oursGenerated().start(folder, source.registries + extra);
  try {
    await server.untilReady();
    await sleep(SETTLE_MS);
    const alone = await costOfChanges(source, server.pid, interfaces / 2);
    const names = await Promise.all(
      Array.from({ length: vips }, async (_, i) => {
        const { answer } = await ask(server.dnsPort, `${interfaceAt(i).callName}. A`);
        const address = parseAddress(/ A ([\d.]+)$/m.exec(answer.join('\n'))?.[1] ?? '');
        if (address === undefined) throw new Error(answer.join('\n'));
        return clusterName({ address, port: PORT });
      }),
    );
    const envoy = await measureEnvoy(folder, port);
    const { residentBytes: before } = await memoryOf(server.pid);
    const all = await Promise.all(Array.from({ length: streams }, () => open(port, names)));
    await until('everybody has all', () => all.every(({ held }) => held.size === vips), {
      deadlineMs: 60_000,
    });
    await sleep(SETTLE_MS);
    const perStream = ((await memoryOf(server.pid)).residentBytes - before) / streams / 1_000;
    const pushes: number[] = [];
    for (let i = 0; i < CHANGES; i++) {
      const counts = all.map(({ pushes: count }) => count);
      await source.change(0);
      const from = performance.now();
      await until('everybody has it', () => all.every(({ pushes: count }, n) => count > (counts[n] ?? 0)), {
        deadlineMs: 30_000,
        everyMs: 2,
      });
      pushes.push(performance.now() - from);
      await sleep(500);
    }
    const unsubscribed = await costOfChanges(source, server.pid, interfaces / 2);
    for (const { connection } of all) connection.close();
    const sorted = pushes.toSorted((a, b) => a - b);
    const row = (what: string, value: string) => `| ${what} | ${value} |`;
    return [
      `| ${interfaces} interfaces, ${streams} sidecars with ${vips} VIPs each | |`,
      '| --- | --: |',
      row('memory of rpc-dns for each, kB', perStream.toFixed(1)),
      row(
        'one change to all of them, ms (median, worst)',
        `${median(sorted).toFixed(0)}, ${sorted.at(-1)?.toFixed(0)}`,
      ),
      row('CPU of a change that nobody asked for, ms', unsubscribed.toFixed(2)),
      row('the same before there were sidecars', alone.toFixed(2)),
      row('memory of an Envoy without any VIP, MB', envoy.toFixed(0)),
      row('a call to the provider directly, ms', called.direct.toFixed(2)),
      row('the first one of a VIP, ms more', (called.first - called.direct).toFixed(2)),
      row('later ones, ms more', (called.later - called.direct).toFixed(2)),
      row(
        "from ZooKeeper's word to new connections that follow, ms (median, worst)",
        `${called.followed.median.toFixed(0)}, ${called.followed.max.toFixed(0)}`,
      ),
    ].join('\n');
  } finally {
    await server.stop();
    await source.remove();
  }
}

/** Milliseconds of CPU for a change of an interface that no sidecar follows. */
async function costOfChanges(source: GeneratedSource, pid: number, first: number): Promise<number> {
  const count = 100;
  const before = await cpuMicros(pid);
  for (let i = 0; i < count; i++) {
    await source.change(Math.floor(first) + i);
    await sleep(20);
  }
  await sleep(200);
  return ((await cpuMicros(pid)) - before) / count / 1_000;
}

interface Stream {
  readonly connection: ClientConnection;
  readonly held: Set<string>;
  pushes: number;
}

async function open(port: number, names: readonly string[]): Promise<Stream> {
  const stream = await new Promise<Stream>((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port,
      tls: undefined,
      connectTimeoutMs: 30_000,
      maxMessageOctets: 1_000_000,
    };
    const connection = new ClientConnection(options, {
      opened: () => resolve({ connection, held: new Set(), pushes: 0 }),
      lost: ({ reason }) => reject(new Error(reason)),
    });
  });
  const calls = stream.connection.stream(METHOD, {
    message: (octets) => {
      const response = decoded(DeltaDiscoveryResponseSchema, octets);
      if (!response.ok) throw new Error(response.reason);
      stream.pushes++;
      for (const { name } of response.value.resources) stream.held.add(name);
      calls.send(
        encoded(DeltaDiscoveryRequestSchema, { typeUrl: CLUSTER_TYPE, responseNonce: response.value.nonce }),
      );
    },
    ended: () => {},
  });
  calls.send(
    encoded(DeltaDiscoveryRequestSchema, { typeUrl: CLUSTER_TYPE, resourceNamesSubscribe: [...names] }),
  );
  return stream;
}

async function measureEnvoy(folder: string, port: number): Promise<number> {
  const main = new URL('../../src/main.ts', import.meta.url).pathname;
  writeFileSync(join(folder, 'empty.yaml'), 'zone: rpc.cluster.local\n');
  const args = [
    'envoy',
    '-c',
    'empty.yaml',
    '--server',
    `127.0.0.1:${port}`,
    '--listen',
    `ports:${await freePort()}`,
  ];
  const { stdout } = await runToEnd(process.execPath, [main, ...args], { cwd: folder });
  writeFileSync(join(folder, 'envoy.yaml'), stdout);
  const envoy = startChild(
    envoyPath(),
    ['-c', 'envoy.yaml', '--log-level', 'error', '--disable-hot-restart'],
    {
      name: 'envoy',
      cwd: folder,
    },
  );
  await sleep(3_000);
  const { residentBytes: bytes } = await memoryOf(envoy.pid);
  await envoy.kill();
  return bytes / 1e6;
}

function median(sorted: readonly number[]): number {
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
