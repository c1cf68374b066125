/** How each server is configured and started: one process with one worker each, without anything that is not asked for. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { benchProgramPath, corednsPath, findCommand } from '../support/provision.ts';
import { type Catalogue, REGISTRY_ZONE, type Style } from './catalogue.ts';
import { echoArguments } from './echo-reply.ts';
import type { QuestionSet } from './question-sets.ts';

const mainScript = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

export type Engine = 'mmsg' | 'dgram';

export type Command = readonly [command: string, ...args: string[]];

/** Writes a server's files into `folder`, and says how it is started. */
export type Setup = (folder: string, port: number, catalogue: Catalogue) => Promise<Command>;

/** With the file registry, or with a zone file when there are no interfaces. */
export function rpcDns(engine: Engine, style: Style): Setup {
  return async (folder, port, catalogue) => {
    const { registryFile, zone } = catalogue;
    const data = join(folder, registryFile === undefined ? `${zone}.zone` : 'interfaces.yaml');
    await writeFile(data, (registryFile ?? catalogue.zoneFile)());
    const lines = [
      `zone: ${REGISTRY_ZONE}`,
      `listen: { dns: ["127.0.0.1:${port}"], http: null }`,
      'store: { kind: memory }',
      `control: ${join(folder, 'control.sock')}`,
      `engine: ${engine}`,
      'workers: 1',
      ...(registryFile === undefined
        ? [`zones: ["${data}"]`, 'registries: []']
        : [`answers: { style: ${style} }`, 'zones: []', `registries: [{ kind: file, path: "${data}" }]`]),
    ];
    const path = await written(folder, 'rpc-dns.yaml', lines);
    return [process.execPath, mainScript, 'serve', '-c', path];
  };
}

/** @param plugins that stand before `file` */
export function coredns(...plugins: readonly string[]): Setup {
  return async (folder, port, catalogue) => {
    const file = await zoneFile(folder, catalogue);
    const lines = [
      `${catalogue.zone}:${port} {`,
      '  bind 127.0.0.1',
      ...plugins.map((plugin) => `  ${plugin}`),
      `  file ${file}`,
      '}',
    ];
    return [corednsPath(), '-conf', await written(folder, 'Corefile', lines)];
  };
}

export const knot: Setup = async (folder, port, catalogue) => {
  const file = await zoneFile(folder, catalogue);
  const path = await written(folder, 'knot.conf', [
    'server:',
    `  listen: 127.0.0.1@${port}`,
    `  rundir: "${folder}"`,
    '  udp-workers: 1',
    '  tcp-workers: 1',
    '  background-workers: 1',
    'log:',
    '  - target: stderr',
    '    any: warning',
    'database:',
    `  storage: "${folder}"`,
    'zone:',
    `  - domain: ${catalogue.zone}`,
    `    file: "${file}"`,
    '    zonefile-sync: -1',
    '    journal-content: none',
  ]);
  return [findCommand('knotd') ?? 'knotd', '-c', path];
};

export const nsd: Setup = async (folder, port, catalogue) => {
  const file = await zoneFile(folder, catalogue);
  const path = await written(folder, 'nsd.conf', [
    'server:',
    '  server-count: 1',
    `  ip-address: 127.0.0.1@${port}`,
    '  do-ip6: no',
    '  username: ""',
    '  chroot: ""',
    `  zonesdir: "${folder}"`,
    // no database: the zone file is read at the start
    '  database: ""',
    `  pidfile: "${join(folder, 'nsd.pid')}"`,
    `  xfrdfile: "${join(folder, 'xfrd.state')}"`,
    `  zonelistfile: "${join(folder, 'zone.list')}"`,
    `  xfrdir: "${folder}"`,
    // else it answers one client 200 times a second and no more
    '  rrl-ratelimit: 0',
    '  rrl-whitelist-ratelimit: 0',
    'remote-control:',
    '  control-enable: no',
    'zone:',
    `  name: ${catalogue.zone}`,
    `  zonefile: "${file}"`,
  ]);
  return [findCommand('nsd') ?? 'nsd', '-d', '-c', path];
};

/** What a reply is depends on the set: one process for each. */
export function echo(set: QuestionSet): Setup {
  return async (_folder, port) => [benchProgramPath('echo'), String(port), ...echoArguments(set)];
}

function zoneFile(folder: string, catalogue: Catalogue): Promise<string> {
  return written(folder, 'zone', [catalogue.zoneFile()]);
}

/** @returns the path */
async function written(folder: string, name: string, lines: readonly string[]): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, `${lines.join('\n')}\n`);
  return path;
}
