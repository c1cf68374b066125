/** The file registry under the contract of all watchers: its file is written anew with each change. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFileWatcher } from '../../src/registry/file/watcher.ts';
import type { Registration } from '../../src/registry/registration.ts';
import { until } from '../support/process.ts';
import { tempFolder } from '../support/temp.ts';
import { TurnedClock } from '../support/turned-clock.ts';
import { type ContractEntry, watcherContract } from '../support/watcher-contract.ts';

/** The file's text: one entry for each service, with all of its instances. */
function documentOf(entries: readonly ContractEntry[]): string {
  const services = Map.groupBy(entries, (entry) => [entry.interface, entry.version, entry.group].join());
  const lines = [...services.values()].map((instances) => {
    const { interface: name, version = '', group = '', port } = instances[0] as ContractEntry;
    const endpoints = instances.map((instance) => `"${instance.host}:${instance.port}"`).join(', ');
    return `  - { name: ${name}, version: "${version}", group: "${group}", port: ${port}, endpoints: [${endpoints}] }`;
  });
  return lines.length === 0 ? 'interfaces: []\n' : `interfaces:\n${lines.join('\n')}\n`;
}

// no garbage here: a document with anything wrong in it is refused as a whole, see process.test.ts
watcherContract('file', async () => {
  const path = join(tempFolder('registry'), 'interfaces.yaml');
  let entries: ContractEntry[] = [];
  let broken = false;
  const write = async () => writeFileSync(path, broken ? 'interfaces: [' : documentOf(entries));
  await write();
  return {
    create: (sink) => createFileWatcher({ path }, sink),
    put: async (entry) => {
      entries.push(entry);
      await write();
    },
    remove: async (entry) => {
      entries = entries.filter((other) => other !== entry);
      await write();
    },
    breakRegistry: async () => {
      broken = true;
      await write();
    },
    repairRegistry: async () => {
      broken = false;
      await write();
    },
    teardown: async () => {},
  };
});

test('a part of a file that is being written does not count', async () => {
  const path = join(tempFolder('registry'), 'interfaces.yaml');
  const entry = (name: string) => `  - { name: com.foo.${name}, port: 1 }\n`;
  const whole = `interfaces:\n${entry('A')}${entry('B')}`;
  writeFileSync(path, whole);
  const told: string[][] = [];
  const note = (registrations: readonly Registration[]) =>
    told.push(registrations.map((one) => one.interface as string));
  const clock = new TurnedClock();
  const start = clock.now();
  /** The file is written, and the watcher has read it once. */
  const written = async (text: string) => {
    writeFileSync(path, text);
    await until('it is read', () => clock.nextAt === clock.now() + 100, { everyMs: 1 });
  };
  const watcher = createFileWatcher(
    { path },
    {
      replace: () => ({ put: (_unit, registrations) => void note(registrations), done: () => {} }),
      update: (_unit, registrations) => void note(registrations),
      state: () => {},
      cluster: () => {},
      skipped: () => {},
    },
    clock,
  );
  watcher.start();
  // each part is a whole document by itself
  await written('interfaces: []\n');
  clock.turnTo(start + 60);
  await written(`interfaces:\n${entry('C')}`);
  clock.turnTo(start + 120);
  await written(`${whole}${entry('C')}`);
  assert.equal(told.length, 1);
  clock.turnTo(start + 220);
  await watcher.stop();
  assert.deepEqual(told, [
    ['com.foo.A', 'com.foo.B'],
    ['com.foo.A', 'com.foo.B', 'com.foo.C'],
  ]);
});
