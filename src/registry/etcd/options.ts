/** What an operator can say about an etcd, its defaults, and its list of servers. */
import { bad, ok, type Result } from '../../base/result.ts';
import { splitHostPort } from '../../name/address.ts';
import type { MetadataKeys } from '../application-instances.ts';
import type { TlsFiles } from '../tls-files.ts';
import type { EtcdLayoutName } from './layouts.ts';

export interface EtcdOptions {
  readonly servers: readonly ServerAddress[];
  /** what each layout's keys begin with, without the slash that follows; '' is every key there is */
  readonly prefixes: ReadonlyMap<EtcdLayoutName, string>;
  readonly metadata: MetadataKeys;
  readonly username?: string | undefined;
  /** read with each authentication, so that it may be renewed */
  readonly passwordFile?: string | undefined;
  /** undefined: without TLS */
  readonly tls?: TlsFiles | undefined;
  /** From a request to the end of its reply. */
  readonly requestTimeoutMs: number;
  /** A server is asked so often whether it lives, and has its quorum … */
  readonly probeIntervalMs: number;
  /** … and has to answer within this. */
  readonly probeTimeoutMs: number;
  /** The pause after a first failure; it doubles with each further one … */
  readonly backoffMinMs: number;
  /** … up to this. Each pause is shortened by chance, to as little as half. */
  readonly backoffMaxMs: number;
  /** Keys in one reply, while everything is read. */
  readonly pageKeys: number;
  readonly maxReplyOctets: number;
  /** More keys are no registry. */
  readonly maxKeys: number;
}

export const ETCD_DEFAULTS = {
  requestTimeoutMs: 10_000,
  // together: a frozen server, or one without its quorum, is left after 3 to 6 s
  probeIntervalMs: 3_000,
  probeTimeoutMs: 3_000,
  backoffMinMs: 50,
  backoffMaxMs: 3_000,
  pageKeys: 2_000,
  maxReplyOctets: 16 * 2 ** 20,
  maxKeys: 2_000_000,
};

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

export interface Servers {
  readonly addresses: readonly ServerAddress[];
  /** undefined: no server says `http://` or `https://` */
  readonly scheme: 'http' | 'https' | undefined;
}

const DEFAULT_PORT = 2379;
const EXPECTED = 'expected host:port such as etcd-1:2379';

/** Reads `host:port,host:port`; `http://` or `https://` may stand before each, as etcd's own clients want it. */
export function parseServers(text: string): Result<Servers> {
  const addresses: ServerAddress[] = [];
  const schemes = new Set<string>();
  for (const item of text.split(',').map((part) => part.trim())) {
    const [, scheme = '', rest = ''] = /^(?:(https?):\/\/)?([^/]*)\/?$/.exec(item) ?? [];
    if (rest.includes('@'))
      return bad('no user and password in a server: logs would show them; write username and passwordFile');
    const address = splitHostPort(rest) ?? splitHostPort(`${rest}:${DEFAULT_PORT}`);
    if (address === undefined || !/^[\w.:-]+$/.test(address.host))
      return bad(`'${item}' is no server: ${EXPECTED}`);
    addresses.push(address);
    schemes.add(scheme);
  }
  if (schemes.size > 1)
    return bad('either all servers begin with the same http:// or https://, or none does');
  const [scheme] = schemes;
  return ok({ addresses, scheme: scheme === 'http' || scheme === 'https' ? scheme : undefined });
}
