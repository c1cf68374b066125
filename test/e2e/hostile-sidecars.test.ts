/** Sidecars that do all that none should, hundreds at once, against a real process: what it costs, and what another one sees of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClientConnection } from '../../src/grpc/client-connection.ts';
import { decoded, encoded } from '../../src/grpc/messages.ts';
import { DeltaDiscoveryRequestSchema, DeltaDiscoveryResponseSchema } from '../../src/grpc/protos/ads_pb.ts';
import { startHostileSidecars } from '../support/hostile-sidecars.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/process.ts';
import { memoryOf } from '../support/process-figures.ts';
import { type Cleanup, startServer } from '../support/server.ts';
import { sized } from '../support/size.ts';

const METHOD = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
const CLUSTER = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
const VIP = 'vip|247.0.0.1:20880';
/** It is 200 MB without them, 500 with 300 and 750 with 2,000; without bounds 50 took a gigabyte. */
const MOST_BYTES = 1_000_000_000;

const documentOf = (endpoint: string) =>
  `interfaces:\n  - { name: com.foo.A, port: 20880, vip: 247.0.0.1, endpoints: ["${endpoint}"] }\n`;

/** One that behaves. */
class Good {
  updates = 0;
  lost = '';

  static async connect(t: Cleanup, port: number): Promise<Good> {
    const good = new Good();
    const options = {
      host: '127.0.0.1',
      port,
      tls: undefined,
      connectTimeoutMs: 9_000,
      maxMessageOctets: 1e6,
    };
    const connection = await new Promise<ClientConnection>((resolve) => {
      const opened: ClientConnection = new ClientConnection(options, {
        opened: () => resolve(opened),
        lost: ({ reason }) => {
          good.lost = reason;
        },
      });
    });
    t.after(() => connection.close());
    const stream = connection.stream(METHOD, {
      message: (octets) => {
        const response = decoded(DeltaDiscoveryResponseSchema, octets);
        assert.ok(response.ok);
        good.updates++;
        stream.send(
          encoded(DeltaDiscoveryRequestSchema, { typeUrl: CLUSTER, responseNonce: response.value.nonce }),
        );
      },
      ended: ({ message }) => {
        good.lost = message;
      },
    });
    const node = { id: 'good' };
    stream.send(
      encoded(DeltaDiscoveryRequestSchema, { node, typeUrl: CLUSTER, resourceNamesSubscribe: [VIP] }),
    );
    await until('its first answer', () => good.updates === 1);
    return good;
  }
}

test('hostile sidecars cost what is bounded, harm no other one, and are named in the log', async (t) => {
  const count = sized('connections of hostile sidecars', 300, 2_000);
  const port = await freePort();
  const server = await startServer(
    {
      config: `sidecars: { listen: "127.0.0.1:${port}" }\nregistries: [{ kind: file, path: interfaces.yaml }]\n`,
      files: { 'interfaces.yaml': documentOf('10.0.0.1:1') },
      until: 'ready',
      env: { RPC_DNS_LOG_LEVEL: 'info' },
    },
    t,
  );
  const early = await Good.connect(t, port);
  const hostile = startHostileSidecars(t, `127.0.0.1:${port}`, count);
  let isOver = false;
  void hostile.finally(() => {
    isOver = true;
  });
  // changes arrive while they connect and ask
  let changes = 0;
  while (!isOver) {
    server.write('interfaces.yaml', documentOf(`10.0.0.${2 + (changes % 200)}:1`));
    changes++;
    await until(`change ${changes}`, () => early.updates > changes, { deadlineMs: 30_000 });
  }
  const child = await hostile;
  assert.equal(early.lost, '');
  const late = await Good.connect(t, port);
  server.write('interfaces.yaml', documentOf('10.0.1.1:1'));
  await until('one more change', () => early.updates > changes + 1 && late.updates === 2, {
    deadlineMs: 30_000,
  });
  assert.equal((await server.query('com.foo.A.rpc.cluster.local. A')).rcode, 0);
  const { peakBytes } = await memoryOf(server.pid);
  console.log(
    `# ${count} of them: at most ${(peakBytes / 1e6).toFixed(0)} MB; ${changes} changes arrived meanwhile`,
  );
  assert.ok(peakBytes < MOST_BYTES, `${peakBytes} octets`);

  const lines = server.log().filter(({ level }) => level === 'warn');
  for (const [msg, what] of [
    ['a sidecar asks for too many names: further ones are not answered', 'node'],
    ['what a sidecar sends cannot be read', 'reason'],
    ['a sidecar does not take what it was told (NACK)', 'node'],
    ['a sidecar is not let in', 'reason'],
  ] as const) {
    const line = lines.find((one) => one.msg === msg);
    assert.match(String(line?.['peer']), /^127\.0\.0\.1:\d+$/, msg);
    assert.notEqual(String(line?.[what] ?? ''), '', msg);
  }
  assert.ok(lines.length < 50, `${lines.length} lines`);

  await child.kill();
  await until('they have left', async () => (await server.metric('rpcdns_sidecar_streams')) === 2, {
    deadlineMs: 30_000,
  });
  // nothing of them is followed any more
  assert.equal(await server.metric('rpcdns_sidecar_subscriptions'), 1);
  await server.stop();
});
