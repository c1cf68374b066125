import { z } from 'zod';
import { duration } from '../../files/fields.ts';
import { hostPortText } from '../../name/address.ts';
import { metadataKeys } from '../application-instances.ts';
import {
  commonKeys,
  FORGET_AFTER_A_DAY,
  joinKey,
  type RegistryKind,
  SETTLES_SLOWLY,
} from '../registry-kind.ts';
import { serversKey } from '../server-list.ts';
import { tlsKey, unusableFiles, userProblems } from '../tls-files.ts';
import { EUREKA_DEFAULTS } from './options.ts';
import { type EurekaServer, parseServerUrls, USUAL_PATH } from './server-urls.ts';
import { createEurekaWatcher } from './watcher.ts';

const schema = z.strictObject({
  kind: z.literal('eureka'),
  /** URLs of its peers, parted by commas, or a list */
  servers: serversKey('expected a URL such as http://eureka-1:8761/eureka', parseServerUrls),
  interval: duration
    .refine((ms) => ms >= 1_000 && ms <= 60_000, { error: 'expected 1s to 60s' })
    .prefault('10s'),
  username: z
    .string()
    .min(1)
    .refine((name) => !name.includes(':'), { error: 'expected no colon: HTTP cannot say it' })
    .optional(),
  passwordFile: z.string().min(1).optional(),
  ...tlsKey,
  ...metadataKeys,
  ...commonKeys,
  ...joinKey,
  ...FORGET_AFTER_A_DAY,
  ...SETTLES_SLOWLY,
});

type Config = z.output<typeof schema>;

function serversOf({ servers: said }: Config): readonly EurekaServer[] {
  const read = parseServerUrls(said);
  return read.ok ? read.value.servers : [];
}

function schemeOf({ servers: said }: Config): 'http' | 'https' | undefined {
  const read = parseServerUrls(said);
  return read.ok ? read.value.scheme : undefined;
}

/** A Eureka, one or several peers of it. */
export const eurekaKind: RegistryKind<Config> = {
  kind: 'eureka',
  schema,
  idOf: (config) => {
    const texts = serversOf(config).map((server) => {
      return `${hostPortText(server)}${server.path === USUAL_PATH ? '' : server.path}`;
    });
    return `eureka:${texts.join(',')}`;
  },
  hasServices: false,
  serversOf: (config) => serversOf(config).map(({ host, port }) => ({ host, port })),
  check: (config) => [
    ...userProblems(config),
    ...(schemeOf(config) === 'http' && config.tls !== undefined
      ? [{ key: 'tls', text: "the servers say http://: write https://, or leave 'tls' out" }]
      : []),
    ...unusableFiles([['passwordFile', config.passwordFile]], config.tls),
  ],
  open: (config, _id, sink) => {
    const { username, passwordFile, metadata, tls, interval } = config;
    const isTls = tls !== undefined || schemeOf(config) === 'https';
    const said = { servers: serversOf(config), username, passwordFile, metadata, intervalMs: interval };
    return {
      watcher: createEurekaWatcher(
        { ...EUREKA_DEFAULTS, ...said, tls: isTls ? (tls ?? {}) : undefined },
        sink,
      ),
    };
  },
};
