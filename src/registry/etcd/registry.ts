import { z } from 'zod';
import { hostPortText } from '../../name/address.ts';
import { metadataKeys } from '../application-instances.ts';
import {
  commonKeys,
  FORGET_AFTER_A_DAY,
  joinKey,
  type RegistryKind,
  SETTLES_AT_ONCE,
} from '../registry-kind.ts';
import { parseServers, serversKey } from '../server-list.ts';
import { tlsKey, unusableFiles, userProblems } from '../tls-files.ts';
import { ETCD_LAYOUTS, type EtcdLayoutName } from './layouts.ts';
import { ETCD_DEFAULTS, ETCD_PORT } from './options.ts';
import { createEtcdWatcher } from './watcher.ts';

const NAMES = Object.keys(ETCD_LAYOUTS) as [EtcdLayoutName, ...EtcdLayoutName[]];

/** Keys are octets: a slash in front is as good as none. The slash that parts it from what follows may be left out. */
const prefix = z
  .string()
  .max(1_000)
  .transform((text) => text.replace(/\/+$/, ''));

const PREFIXES = Object.fromEntries(NAMES.map((name) => [name, prefix.optional()])) as Record<
  EtcdLayoutName,
  z.ZodOptional<typeof prefix>
>;

const schema = z.strictObject({
  kind: z.literal('etcd'),
  /** `host:port,host:port` or a list; `http://` and `https://` as etcd's own clients write them */
  servers: serversKey('expected host:port', (text) => parseServers(text, ETCD_PORT)),
  layouts: z
    .array(z.enum(NAMES))
    .min(1)
    .refine((layouts) => new Set(layouts).size === layouts.length, { error: 'a layout is there twice' })
    .default(['dubbo']),
  /** of one layout; or by layout */
  prefix: z
    .union([prefix, z.strictObject(PREFIXES)], {
      error: `expected a text such as /dubbo, or one for each layout: { ${NAMES[0]}: /dubbo }`,
    })
    .optional(),
  username: z.string().min(1).optional(),
  passwordFile: z.string().min(1).optional(),
  ...tlsKey,
  ...metadataKeys,
  ...commonKeys,
  ...joinKey,
  ...FORGET_AFTER_A_DAY,
  ...SETTLES_AT_ONCE,
});

type Config = z.output<typeof schema>;

function prefixesOf({ layouts, prefix: said }: Config): Map<EtcdLayoutName, string | undefined> {
  return new Map(
    layouts.map((name) => {
      const own = typeof said === 'string' ? said : said?.[name];
      return [name, own ?? ETCD_LAYOUTS[name].prefix];
    }),
  );
}

function problemsOf(config: Config): { readonly key: string; readonly text: string }[] {
  const { layouts, prefix: said, tls } = config;
  const problems = [];
  if (typeof said === 'string' && layouts.length > 1)
    problems.push({ key: 'prefix', text: `several layouts: say whose it is, as { ${layouts[0]}: ${said} }` });
  else {
    for (const [name, found] of prefixesOf(config)) {
      if (found !== undefined) continue;
      const text = `'prefix' is missing: layout ${name} has no usual one; "" reads all keys of the etcd`;
      problems.push({ key: 'layouts', text });
    }
  }
  if (typeof said === 'object') {
    for (const name of Object.keys(said).filter((one) => !layouts.includes(one as EtcdLayoutName)))
      problems.push({ key: 'prefix', text: `layout ${name} is not among 'layouts'` });
  }
  const read = parseServers(config.servers, ETCD_PORT);
  if (read.ok && read.value.scheme === 'http' && tls !== undefined)
    problems.push({ key: 'tls', text: "the servers say http://: write https://, or leave 'tls' out" });
  return problems;
}

/** An etcd (API version 3) by its JSON gateway. */
export const etcdKind: RegistryKind<Config> = {
  kind: 'etcd',
  schema,
  idOf: (config) => {
    const read = parseServers(config.servers, ETCD_PORT);
    const hosts = read.ok
      ? read.value.addresses.map(({ host, port }) => hostPortText({ host, port })).join(',')
      : '';
    return `etcd:${hosts}${[...prefixesOf(config).values()].join('+')}`;
  },
  hasServices: false,
  serversOf: (config) => {
    const read = parseServers(config.servers, ETCD_PORT);
    return read.ok ? read.value.addresses : [];
  },
  check: (config) => [
    ...problemsOf(config),
    ...userProblems(config),
    ...unusableFiles([['passwordFile', config.passwordFile]], config.tls),
  ],
  open: (config, _id, sink) => {
    const read = parseServers(config.servers, ETCD_PORT);
    const { username, passwordFile, metadata, tls } = config;
    const isTls = tls !== undefined || (read.ok && read.value.scheme === 'https');
    const options = {
      ...ETCD_DEFAULTS,
      servers: read.ok ? read.value.addresses : [],
      prefixes: new Map([...prefixesOf(config)].map(([name, one]) => [name, one ?? ''])),
      metadata,
      username,
      passwordFile,
      tls: isTls ? (tls ?? {}) : undefined,
    };
    return { watcher: createEtcdWatcher(options, sink) };
  },
};
