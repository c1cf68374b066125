/** The file registry under the contract of all watchers: its file is written anew with each change. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createFileWatcher } from '../../src/registry/file/watcher.ts';
import { tempFolder } from '../support/temp.ts';
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
