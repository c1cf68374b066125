import { z } from 'zod';
import { duration } from '../../files/fields.ts';
import { hostPortText } from '../../name/address.ts';
import { metadataKeys } from '../application-instances.ts';
import {
  commonKeys,
  FORGET_AFTER_A_DAY,
  joinKey,
  type RegistryKind,
  SETTLES_AT_ONCE,
} from '../registry-kind.ts';
import { parseServers, type ServerAddress } from '../server-list.ts';
import { tlsKey, unusableFiles } from '../tls-files.ts';
import { CONSUL_DEFAULTS, CONSUL_PORT } from './options.ts';
import { createConsulWatcher } from './watcher.ts';

const server = z.string().check((context) => {
  const read = parseServers(context.value, CONSUL_PORT);
  const message = !read.ok
    ? read.reason
    : read.value.addresses.length > 1
      ? 'expected one server: an agent of Consul knows the others, or write a registry for each'
      : undefined;
  if (message !== undefined) context.issues.push({ code: 'custom', message, input: context.value });
});

const schema = z.strictObject({
  kind: z.literal('consul'),
  /** `host:port`; `http://` or `https://` may stand before it */
  server,
  datacenter: z
    .string()
    .regex(/^[\w-]{1,128}$/, {
      error: ({ input }) => `'${String(input)}' is no datacenter: expected 1 to 128 letters, digits, _ and -`,
    })
    .optional(),
  tokenFile: z.string().min(1).optional(),
  interval: duration
    .refine((ms) => ms >= 1_000 && ms <= 600_000, { error: 'expected 1s to 10m' })
    .prefault('10s'),
  ...tlsKey,
  ...metadataKeys,
  ...commonKeys,
  ...joinKey,
  ...FORGET_AFTER_A_DAY,
  ...SETTLES_AT_ONCE,
});

type Config = z.output<typeof schema>;

function serverOf(config: Config): { readonly address: ServerAddress; readonly scheme: string | undefined } {
  const read = parseServers(config.server, CONSUL_PORT);
  const [address] = read.ok ? read.value.addresses : [];
  return { address: address ?? { host: '', port: 0 }, scheme: read.ok ? read.value.scheme : undefined };
}

/** A Consul, by its HTTP API. */
export const consulKind: RegistryKind<Config> = {
  kind: 'consul',
  schema,
  idOf: (config) =>
    `consul:${hostPortText(serverOf(config).address)}${config.datacenter === undefined ? '' : `/${config.datacenter}`}`,
  hasServices: false,
  serversOf: (config) => [serverOf(config).address],
  check: (config) => [
    ...(serverOf(config).scheme === 'http' && config.tls !== undefined
      ? [{ key: 'tls', text: "the server says http://: write https://, or leave 'tls' out" }]
      : []),
    ...unusableFiles([['tokenFile', config.tokenFile]], config.tls),
  ],
  open: (config, _id, sink) => {
    const { address, scheme } = serverOf(config);
    const { datacenter, tokenFile, tls, metadata, interval } = config;
    const isTls = tls !== undefined || scheme === 'https';
    const said = { server: address, datacenter, tokenFile, metadata, intervalMs: interval };
    return {
      watcher: createConsulWatcher(
        { ...CONSUL_DEFAULTS, ...said, tls: isTls ? (tls ?? {}) : undefined },
        sink,
      ),
    };
  },
};
