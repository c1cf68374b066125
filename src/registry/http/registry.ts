import { z } from 'zod';
import { duration } from '../../files/fields.ts';

import { commonKeys, FORGET_AT_ONCE, joinKey, type RegistryKind, SETTLES_AT_ONCE } from '../registry-kind.ts';
import { tlsKey, unusableFiles } from '../tls-files.ts';

import { withoutSecrets } from './document-source.ts';
import { createHttpWatcher } from './watcher.ts';

const url = z.string().transform((text, context) => {
  const message = /^[^/]*\/\/[^/]*@/.test(text)
    ? 'no user and password in a url: logs would show them; name a file as tokenFile'
    : URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
      ? undefined
      : `'${text}': expected http:// or https:// such as https://config.example/interfaces.yaml`;
  if (message === undefined) return text;
  context.issues.push({ code: 'custom', message, input: text });
  return z.NEVER;
});

const schema = z.strictObject({
  kind: z.literal('http'),
  url,
  interval: duration
    .refine((ms) => ms >= 100, { error: 'expected at least 100ms: a server is no file' })
    .prefault('10s'),
  tokenFile: z.string().min(1).optional(),
  ...tlsKey,
  ...commonKeys,
  ...joinKey,
  ...FORGET_AT_ONCE,
  ...SETTLES_AT_ONCE,
});

/** The file registry's format by URL. */
export const httpKind: RegistryKind<z.output<typeof schema>> = {
  kind: 'http',
  schema,
  idOf: (config) => `http:${withoutSecrets(config.url)}`,
  hasServices: false,
  serversOf: (config) => {
    const { hostname, port, protocol } = new URL(config.url);
    const usual = protocol === 'https:' ? 443 : 80;
    return [{ host: hostname.replace(/^\[(.*)\]$/, '$1'), port: port === '' ? usual : Number(port) }];
  },
  check: ({ url: address, tokenFile, tls }) => [
    ...(new URL(address).protocol === 'http:' && tls !== undefined
      ? [{ key: 'tls', text: "the url says http://: write https://, or leave 'tls' out" }]
      : []),
    ...unusableFiles([['tokenFile', tokenFile]], tls),
  ],
  open: (config, _id, sink) => ({ watcher: createHttpWatcher(config, sink) }),
};
