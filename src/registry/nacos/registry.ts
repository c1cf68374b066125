import { z } from 'zod';
import { duration } from '../../files/fields.ts';
import { metadataKeys } from '../application-instances.ts';
import {
  commonKeys,
  FORGET_AFTER_A_DAY,
  joinKey,
  type RegistryKind,
  SETTLES_SLOWLY,
} from '../registry-kind.ts';
import { tlsKey, unusableFiles, userProblems } from '../tls-files.ts';
import { parseNacosServers } from './options.ts';
import { createNacosWatcher } from './watcher.ts';

const DEFAULT_NAMESPACE = 'public';
const DEFAULT_GROUP = 'DEFAULT_GROUP';

function distinctNames(usual: string, what: string, pattern: RegExp) {
  return z
    .array(
      z.string().regex(pattern, {
        error: ({ input }) =>
          `'${String(input)}' is no ${what}: expected 1 to 128 letters, digits and . : _ -`,
      }),
    )
    .min(1)
    .refine((names) => new Set(names).size === names.length, { error: `a ${what} is there twice` })
    .default([usual]);
}

const NAME = /^[\w.:-]{1,128}$/;

const schema = z.strictObject({
  kind: z.literal('nacos'),
  /** `host:port,host:port`, of HTTP */
  servers: z.string().check((context) => {
    const servers = parseNacosServers(context.value);
    if (servers.ok) return;
    context.issues.push({ code: 'custom', message: servers.reason, input: context.value });
  }),
  namespaces: distinctNames(DEFAULT_NAMESPACE, 'namespace', NAME),
  groups: distinctNames(DEFAULT_GROUP, 'group', NAME),
  interval: duration
    .refine((ms) => ms >= 100, { error: 'expected at least 100ms: the list of all services is read' })
    .prefault('5s'),
  username: z.string().min(1).max(255).optional(),
  passwordFile: z.string().min(1).optional(),
  ...tlsKey,
  ...metadataKeys,
  ...commonKeys,
  ...joinKey,
  ...FORGET_AFTER_A_DAY,
  ...SETTLES_SLOWLY,
});

type Config = z.output<typeof schema>;

function serversOf({ servers }: Config) {
  const parsed = parseNacosServers(servers);
  return parsed.ok ? parsed.value : [];
}

/** Nacos 2 and 3 by gRPC, Nacos 1 by HTTP: Dubbo, SOFARPC, Spring Cloud Alibaba. */
export const nacosKind: RegistryKind<Config> = {
  kind: 'nacos',
  schema,
  idOf: ({ servers, namespaces, groups }) =>
    [
      `nacos:${servers}`,
      ...(String(namespaces) === DEFAULT_NAMESPACE ? [] : [namespaces.join(',')]),
      ...(String(groups) === DEFAULT_GROUP ? [] : [groups.join(',')]),
    ].join('/'),
  hasServices: false,
  serversOf,
  check: (config) => [
    ...userProblems(config),
    ...unusableFiles([['passwordFile', config.passwordFile]], config.tls),
  ],
  open: (config, _id, sink) => {
    const { namespaces, groups, interval, username, passwordFile, tls, metadata } = config;
    const options = {
      servers: serversOf(config),
      namespaces,
      groups,
      interval,
      username,
      passwordFile,
      tls,
      metadata,
    };
    return { watcher: createNacosWatcher(options, sink) };
  },
};
