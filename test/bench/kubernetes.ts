/**
 * rpc-dns beside CoreDNS's `kubernetes` plugin on one API server: `npm run bench -- kubernetes`.
 *
 * So many Services, and as many RPCServices that name an interface behind each. Measured: from the start of the process
 * to the first answer; resident memory against the same server on an empty cluster; from the API server's reply to the
 * answer of a new object; the peak while everything is listed again.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Cluster, startCluster } from '../support/cluster.ts';
import { startCoreDNS } from '../support/coredns.ts';
import { bulk } from '../support/kube-client.ts';
import { applyDefinitions } from '../support/kustomize.ts';
import { until } from '../support/process.ts';
import { provision } from '../support/provision.ts';
import { ask, type Cleanup, type Server, startServer } from '../support/server.ts';
import { quantile } from './report.ts';

/** After so long nothing of the start is left over. */
const SETTLE_MS = 20_000;
const NEW_OBJECTS = 200;

interface Figures {
  readonly title: string;
  readonly readyMs: number;
  readonly emptyBytes: number;
  readonly fullBytes: number;
  readonly objects: number;
  readonly latencies: readonly number[];
  readonly relistPeakBytes: number | undefined;
}

export async function benchKubernetes(objects: number, say: (line: string) => void): Promise<string> {
  const missing = await provision(['etcd', 'kubernetes', 'coredns']);
  if (missing.length > 0) throw new Error(`the bench needs ${missing.join(', ')}`);
  const cleanups: (() => unknown)[] = [];
  const cleanup: Cleanup = { after: (clean) => cleanups.push(clean) };
  try {
    say('starting two API servers, one of them to stay empty');
    const empty = await prepared(cleanup);
    const full = await prepared(cleanup);
    say(`${objects} Services and ${objects} RPCServices`);
    await full.plantServices(
      'big',
      Array.from({ length: objects }, (_, i) => ({ name: `svc-${i}`, spec: specOf(`svc-${i}`) })),
    );
    await bulk(objects, (i) => createRpcService(full, `svc-${i}`, interfaceOf(i)), { parallel: 16 });
    const figures = [
      await measureRpcDns(cleanup, empty, full, objects, say),
      await measureCoreDns(cleanup, empty, full, objects, say),
    ];
    return table(figures);
  } finally {
    for (const clean of cleanups.reverse()) await clean();
  }
}

async function prepared(cleanup: Cleanup): Promise<Cluster> {
  const cluster = await startCluster(cleanup);
  await applyDefinitions(cluster);
  for (const namespace of ['big', 'rpc-dns']) await cluster.createNamespace(namespace);
  return cluster;
}

const specOf = (name: string) => ({
  selector: { app: name },
  ports: [{ name: 'dubbo', port: 20880, targetPort: 20880, protocol: 'TCP' as const }],
});

const interfaceOf = (i: number) => `com.big.p${i % 100}.Service${i}`;

function createRpcService(cluster: Cluster, name: string, interfaceName: string): Promise<unknown> {
  return cluster.must('POST', '/apis/rpcdns.io/v1/namespaces/big/rpcservices', {
    apiVersion: 'rpcdns.io/v1',
    kind: 'RPCService',
    metadata: { name, namespace: 'big' },
    spec: { interfaces: [{ name: interfaceName, version: '1.0.0' }] },
  });
}

async function measureRpcDns(
  cleanup: Cleanup,
  empty: Cluster,
  full: Cluster,
  objects: number,
  say: (line: string) => void,
): Promise<Figures> {
  const start = async (cluster: Cluster): Promise<{ server: Server; readyMs: number }> => {
    const startedAt = performance.now();
    const server = await startServer(
      {
        // statuses of all objects would be written meanwhile: that is not what is measured here
        config: `registries: [ { kind: kubernetes, kubeconfig: ${cluster.kubeconfig()}, controller: false } ]\n`,
        env: { RPC_DNS_LOG_LEVEL: 'info' },
      },
      cleanup,
    );
    await server.logged(/"msg":"ready"/, 0);
    return { server, readyMs: performance.now() - startedAt };
  };
  say('rpc-dns on the empty cluster');
  const small = await start(empty);
  await sleep(SETTLE_MS);
  const emptyBytes = rssOf(small.server.pid);
  await small.server.stop();
  say('rpc-dns on the full cluster');
  const { server, readyMs } = await start(full);
  await sleep(SETTLE_MS);
  const fullBytes = rssOf(server.pid);
  const latencies: number[] = [];
  for (let i = 0; i < NEW_OBJECTS; i++) {
    const name = `new-${i}`;
    await full.createService('big', name, specOf(name));
    await createRpcService(full, name, `com.big.New${i}`);
    latencies.push(await answeredAfter(server.dnsPort, `com.big.New${i}.rpc.cluster.local`));
  }
  say('rpc-dns: everything is listed again');
  const before = rssOf(server.pid);
  const watching = watchPeak(server.pid);
  await full.forgetHistory();
  await until('live again', async () => (await server.http('/metrics')).text.includes('state="live"} 1'));
  await sleep(5_000);
  const relistPeakBytes = watching.stop();
  say(`relist: ${megabytes(before)} before, ${megabytes(relistPeakBytes)} at its peak`);
  await server.stop();
  return {
    title: 'rpc-dns',
    readyMs,
    emptyBytes,
    fullBytes,
    objects: 2 * objects,
    latencies,
    relistPeakBytes,
  };
}

async function measureCoreDns(
  cleanup: Cleanup,
  empty: Cluster,
  full: Cluster,
  objects: number,
  say: (line: string) => void,
): Promise<Figures> {
  const corefile = (cluster: Cluster) =>
    `. {\n bind {$ADDRESS}\n kubernetes cluster.local {\n kubeconfig ${cluster.kubeconfig()}\n }\n}\n`;
  say('CoreDNS on the empty cluster');
  const small = await startCoreDNS(cleanup, { corefile: corefile(empty) });
  await sleep(SETTLE_MS);
  const emptyBytes = rssOf(small.child.pid);
  await small.stop();
  say('CoreDNS on the full cluster');
  const startedAt = performance.now();
  const server = await startCoreDNS(cleanup, { corefile: corefile(full) });
  await answeredAfter(server.port, `svc-${objects - 1}.big.svc.cluster.local`);
  const readyMs = performance.now() - startedAt;
  await sleep(SETTLE_MS);
  const fullBytes = rssOf(server.child.pid);
  const latencies: number[] = [];
  for (let i = 0; i < NEW_OBJECTS; i++) {
    const name = `newer-${i}`;
    await full.createService('big', name, specOf(name));
    latencies.push(await answeredAfter(server.port, `${name}.big.svc.cluster.local`));
  }
  await server.stop();
  return {
    title: 'CoreDNS `kubernetes`',
    readyMs,
    emptyBytes,
    fullBytes,
    objects,
    latencies,
    relistPeakBytes: undefined,
  };
}

/** Milliseconds until the name has an address. */
async function answeredAfter(port: number, name: string): Promise<number> {
  const startedAt = performance.now();
  for (;;) {
    const reply = await ask(port, `${name} A`);
    if (reply.answer.length > 0) return performance.now() - startedAt;
    if (performance.now() - startedAt > 30_000) throw new Error(`${name} is not answered`);
  }
}

function rssOf(pid: number): number {
  const match = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(match?.[1] ?? 0) * 1024;
}

function watchPeak(pid: number): { stop(): number } {
  let peak = 0;
  const timer = setInterval(() => {
    peak = Math.max(peak, rssOf(pid));
  }, 20);
  return {
    stop: () => {
      clearInterval(timer);
      return peak;
    },
  };
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

function table(figures: readonly Figures[]): string {
  const rows = figures.map((one) => {
    const growth = one.fullBytes - one.emptyBytes;
    return [
      one.title,
      `${one.objects}`,
      `${(one.readyMs / 1000).toFixed(2)} s`,
      megabytes(one.emptyBytes),
      megabytes(one.fullBytes),
      `${(growth / one.objects / 1000).toFixed(2)} kB`,
      `${quantile(one.latencies, 0.5).toFixed(1)} ms`,
      `${quantile(one.latencies, 0.99).toFixed(1)} ms`,
      one.relistPeakBytes === undefined ? '–' : `${(one.relistPeakBytes / one.fullBytes).toFixed(2)} ×`,
    ];
  });
  const head = [
    'server',
    'objects',
    'start to ready',
    'RSS, empty',
    'RSS, full',
    'growth for each object',
    'new object → answer, median',
    'p99',
    'peak of a relist',
  ];
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}
