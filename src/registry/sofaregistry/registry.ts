import { z } from 'zod';
import { duration } from '../../files/fields.ts';
import { hostPortText } from '../../name/address.ts';
import {
  commonKeys,
  FORGET_AFTER_A_DAY,
  joinKey,
  type RegistryKind,
  SETTLES_SLOWLY,
} from '../registry-kind.ts';
import { parseServers, type Servers } from '../server-list.ts';
import { tlsKey, unusableFiles } from '../tls-files.ts';
import { DEFAULT_INSTANCE, SESSION_PORT, SOFAREGISTRY_DEFAULTS } from './options.ts';
import { createSofaRegistryWatcher } from './watcher.ts';

const NAME = /^[\w.:-]{1,128}$/;

const schema = z.strictObject({
  kind: z.literal('sofaregistry'),
  /** `host:port,host:port`: HTTP of session servers; `http://` or `https://` may stand before each */
  servers: z.string().check((context) => {
    const read = parseServers(context.value, SESSION_PORT);
    if (read.ok) return;
    context.issues.push({ code: 'custom', message: read.reason, input: context.value });
  }),
  instance: z
    .string()
    .regex(NAME, {
      error: ({ input }) =>
        `'${String(input)}' is no instance: expected 1 to 128 letters, digits and . : _ -`,
    })
    .default(DEFAULT_INSTANCE),
  zone: z
    .string()
    .regex(/^[\w.:-]{0,128}$/, {
      error: ({ input }) => `'${String(input)}' is no zone: expected up to 128 letters, digits and . : _ -`,
    })
    .default(''),
  interval: duration
    .refine((ms) => ms >= 100 && ms <= 600_000, { error: 'expected 100ms to 10m' })
    .prefault('2s'),
  ...tlsKey,
  ...commonKeys,
  ...joinKey,
  ...FORGET_AFTER_A_DAY,
  ...SETTLES_SLOWLY,
});

type Config = z.output<typeof schema>;

function serversIn({ servers }: Config): Servers {
  const read = parseServers(servers, SESSION_PORT);
  return read.ok ? read.value : { addresses: [], scheme: undefined };
}

/** A SOFARegistry: what SOFARPC publishes in it. */
export const sofaregistryKind: RegistryKind<Config> = {
  kind: 'sofaregistry',
  schema,
  idOf: (config) => {
    const servers = serversIn(config).addresses.map(hostPortText).join();
    const more = [config.instance === DEFAULT_INSTANCE ? '' : config.instance, config.zone];
    return [`sofaregistry:${servers}`, ...more.filter((text) => text !== '')].join('/');
  },
  hasServices: false,
  serversOf: (config) => serversIn(config).addresses,
  check: (config) => [
    ...(serversIn(config).scheme === 'http' && config.tls !== undefined
      ? [{ key: 'tls', text: "the servers say http://: write https://, or leave 'tls' out" }]
      : []),
    ...unusableFiles([], config.tls),
  ],
  open: (config, _id, sink) => {
    const { addresses, scheme } = serversIn(config);
    const { instance, zone, interval, tls } = config;
    const isTls = tls !== undefined || scheme === 'https';
    const said = {
      servers: addresses,
      instance,
      zone,
      intervalMs: interval,
      tls: isTls ? (tls ?? {}) : undefined,
    };
    return { watcher: createSofaRegistryWatcher({ ...SOFAREGISTRY_DEFAULTS, ...said }, sink) };
  },
};
