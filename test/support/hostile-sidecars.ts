/**
 * Sidecars that do all that none should, many at once, in a process of their own:
 *
 *     node test/support/hostile-sidecars.ts HOST:PORT COUNT [HABIT …]
 *
 * Says `CONNECTED` when all have said what they say first; they go on until its standard input ends.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { framed } from '../../src/grpc/framing.ts';
import { encoded } from '../../src/grpc/messages.ts';
import { DeltaDiscoveryRequestSchema, DiscoveryRequestSchema } from '../../src/grpc/protos/ads_pb.ts';
import { type Child, startChild } from './process.ts';
import type { Cleanup } from './server.ts';

const FILE = fileURLToPath(import.meta.url);
const CLUSTER = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
const SERVICE = '/envoy.service.discovery.v3.AggregatedDiscoveryService';
/** The most that a message may have is a megabyte. */
const HUGE = 1_000_000;

/** @param i which of them */
type Habit = (session: ClientHttp2Session, i: number) => void;

const HABITS: Readonly<Record<string, Habit>> = {
  /** VIPs without end, each other ones */
  names: (session, i) => {
    const stream = delta(session);
    for (let part = 0; part < 6; part++) {
      const names = Array.from({ length: 2_000 }, (_, n) => {
        return `vip|247.${i & 255}.${n >> 8}.${n & 255}:${1 + part + 6 * (i >> 8)}`;
      });
      ask(stream, { node: { id: `names-${i}` }, typeUrl: CLUSTER, resourceNamesSubscribe: names });
    }
  },
  /** each name as long as a message may be */
  long: (session) => {
    const stream = delta(session);
    for (const frame of longOnes()) stream.write(frame);
  },
  types: (session, i) => {
    const streams = [delta(session), state(session)];
    for (let n = 0; n < 500; n++) {
      const typeUrl = `type.googleapis.com/no.such.Type${n}${'t'.repeat(2_000)}`;
      ask(streams[0], { node: { id: `types-${i}` }, typeUrl });
      streams[1]?.write(framed(encoded(DiscoveryRequestSchema, { node: { id: `types-${i}` }, typeUrl })));
    }
  },
  node: (session, i) => {
    const node = {
      id: `node-${i}${'n'.repeat(HUGE / 4)}`,
      cluster: 'c'.repeat(HUGE / 8),
      locality: { region: 'r'.repeat(HUGE / 8), zone: 'z'.repeat(HUGE / 8) },
      metadata: { 'rpcdns.io/interfaces': Array.from({ length: 400 }, (_, n) => `${n}${'m'.repeat(500)}`) },
    };
    ask(delta(session), { node, typeUrl: CLUSTER, resourceNamesSubscribe: ['vip|247.0.0.1:20880'] });
    state(session).write(framed(encoded(DiscoveryRequestSchema, { node, typeUrl: CLUSTER })));
  },
  /** asks again and again, reads nothing and acknowledges nothing */
  deaf: (session, i) => {
    for (let n = 0; n < 8; n++) {
      const stream = delta(session).pause();
      const names = Array.from({ length: 2_000 }, (_, k) => `vip|247.${i & 255}.${k >> 8}.${k & 255}:9`);
      ask(stream, { node: { id: `deaf-${i}` }, typeUrl: CLUSTER, resourceNamesSubscribe: names });
    }
  },
  refuses: (session, i) => {
    const stream = delta(session);
    const refusal = { code: 13, message: 'no'.repeat(10_000) };
    for (let n = 0; n < 50; n++)
      ask(stream, {
        node: { id: `refuses-${i}` },
        typeUrl: CLUSTER,
        responseNonce: '1',
        errorDetail: refusal,
      });
  },
  garbage: (session) => {
    delta(session).write(framed(Buffer.from('this is no protobuf')));
    delta(session).write(Buffer.alloc(200_000, 0x7f));
  },
  /** begins messages that never end */
  halves: (session) => {
    for (let n = 0; n < 4; n++) delta(session).write(HALF);
  },
  /** says nothing, or opens more streams than it may */
  silent: (session) => {
    for (let n = 0; n < 20; n++) delta(session);
  },
};

/** Made once: this process is not what is measured. */
const HALF = framed(new Uint8Array(HUGE)).subarray(0, HUGE - 10);
let made: readonly Buffer[] | undefined;

function longOnes(): readonly Buffer[] {
  made ??= Array.from({ length: 10 }, (_, part) => {
    const name = `vip|${part}${'x'.repeat(HUGE - 1_000)}`;
    const request = { node: { id: 'long' }, typeUrl: CLUSTER, resourceNamesSubscribe: [name] };
    return framed(encoded(DeltaDiscoveryRequestSchema, request));
  });
  return made;
}

function delta(session: ClientHttp2Session): ClientHttp2Stream {
  return open(session, 'DeltaAggregatedResources');
}

function state(session: ClientHttp2Session): ClientHttp2Stream {
  return open(session, 'StreamAggregatedResources');
}

function open(session: ClientHttp2Session, method: string): ClientHttp2Stream {
  const stream = session.request({
    ':method': 'POST',
    ':path': `${SERVICE}/${method}`,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  stream.on('error', () => {});
  return stream.resume();
}

function ask(stream: ClientHttp2Stream | undefined, request: object): void {
  stream?.write(framed(encoded(DeltaDiscoveryRequestSchema, request)));
}

/** Resolves when all are connected and have said what they say first. @param habits default: all, in turn */
export async function startHostileSidecars(
  test: Cleanup,
  address: string,
  count: number,
  habits: readonly string[] = [],
): Promise<Child> {
  const child = startChild(process.execPath, [FILE, address, String(count), ...habits], {
    name: 'hostile sidecars',
  });
  test.after(() => child.kill());
  await child.waitFor(/^CONNECTED$/m, { deadlineMs: 300_000 });
  return child;
}

async function main(address: string, count: number, chosen: readonly string[]): Promise<void> {
  const [host = '', port = ''] = address.split(':');
  const habits = chosen.length > 0 ? chosen : [...Object.keys(HABITS), 'no-http2'];
  for (let i = 0; i < count; i++) {
    const habit = HABITS[habits[i % habits.length] ?? ''];
    if (habit === undefined) {
      const socket = connectTcp(Number(port), host);
      socket.on('error', () => {});
      if (i % 2 === 0) socket.write(Buffer.alloc(100_000, i & 255));
    } else {
      const session = connectHttp2(`http://${address}`);
      session.on('error', () => {});
      session.on('connect', () => habit(session, i));
    }
    // all of them make it busy, not each its own machine
    if (i % 20 === 19) await sleep(20);
  }
  await sleep(2_000);
  console.log('CONNECTED');
}

if (process.argv[1] === FILE) {
  const [, , address = '', count = '', ...habits] = process.argv;
  process.stdin.on('end', () => process.exit(0)).resume();
  await main(address, Number(count), habits);
}
