/** Where answers are the providers themselves, a client is told those near it (contract 1.8). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../support/process.ts';
import { ask, CONFIG_FILE, completeConfig, startServer } from '../support/server.ts';

const CONFIG = `zone: rpc.test
answers: { address: endpoints }
registries: [{ kind: file, path: interfaces.yaml }]
`;
const localities = (...blocks: readonly string[]) =>
  `localities:\n${blocks.map((cidr, i) => `  - { region: r, zone: z${i + 1}, cidrs: [${cidr}] }\n`).join('')}`;
const interfaces = (...endpoints: readonly string[]) =>
  `interfaces:\n  - { name: com.foo.A, port: 1, endpoints: [${endpoints.map((host) => `"${host}:1"`)}] }\n`;

test('the zone of a client goes first, and the next one when its providers die', async (t) => {
  const server = await startServer(
    {
      config: CONFIG + localities('127.1.0.0/16', '127.2.0.0/16'),
      files: { 'interfaces.yaml': interfaces('127.1.0.1', '127.1.0.2', '127.2.0.1') },
      until: 'ready',
    },
    t,
  );
  const told = async (from: string, transport: string) => {
    const { answer } = await ask(server.dnsPort, `com.foo.A.rpc.test. A ${transport}`, '127.0.0.1', from);
    const addresses = answer.filter((line) => / A /.test(line));
    return addresses.map((line) => line.slice(line.lastIndexOf(' ') + 1)).sort();
  };
  const areTold = async (what: string, expected: Readonly<Record<string, readonly string[]>>) => {
    for (const [from, addresses] of Object.entries(expected)) {
      await until(`${what}: ${from}`, async () => {
        return JSON.stringify(await told(from, '+udp')) === JSON.stringify(addresses);
      });
      assert.deepEqual(await told(from, '+tcp'), addresses, `${what}: ${from} over TCP`);
    }
  };

  const both = {
    '127.1.0.9': ['127.1.0.1', '127.1.0.2'],
    '127.2.0.9': ['127.2.0.1'],
    '127.0.0.9': ['127.1.0.1', '127.1.0.2', '127.2.0.1'],
  };
  await areTold('all live', both);
  server.write('interfaces.yaml', interfaces('127.2.0.1'));
  await areTold('z1 died', {
    '127.1.0.9': ['127.2.0.1'],
    '127.2.0.9': ['127.2.0.1'],
    '127.0.0.9': ['127.2.0.1'],
  });
  server.write('interfaces.yaml', interfaces('127.1.0.1', '127.1.0.2', '127.2.0.1'));
  await areTold('z1 is back', both);

  // by a reload: who was in z1 is in z2
  const swapped = completeConfig(CONFIG + localities('127.2.0.0/16', '127.1.0.2/32, 127.3.0.0/16'), server);
  server.write(CONFIG_FILE, swapped);
  assert.equal(await server.reload(), true);
  await areTold('moved', {
    '127.3.0.9': ['127.1.0.2'],
    '127.2.0.9': ['127.2.0.1'],
    '127.1.0.9': ['127.1.0.1', '127.1.0.2', '127.2.0.1'],
  });
  // and by a reload without them everybody is told all
  server.write(CONFIG_FILE, completeConfig(CONFIG, server));
  assert.equal(await server.reload(), true);
  await areTold('none', { '127.2.0.9': ['127.1.0.1', '127.1.0.2', '127.2.0.1'] });
});
