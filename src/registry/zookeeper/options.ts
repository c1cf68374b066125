/** What an operator can say about a ZooKeeper registry, its defaults, and its list of servers. */

import { bad, ok, type Result } from '../../base/result.ts';
import { splitHostPort } from '../../name/address.ts';
import type { MetadataKeys } from '../application-instances.ts';

/** Who wrote what is read. `dubbo` is both modes of Dubbo, by interface and by application. */
export const ZOOKEEPER_LAYOUTS = ['dubbo', 'sofarpc', 'spring-cloud'] as const;
export type ZooKeeperLayout = (typeof ZOOKEEPER_LAYOUTS)[number];
/** Those that announce interfaces, with their providers below. */
export const PROVIDER_LAYOUTS = ['dubbo', 'sofarpc'] as const satisfies readonly ZooKeeperLayout[];
export type ProviderLayout = (typeof PROVIDER_LAYOUTS)[number];

export interface ZooKeeperOptions {
  /** `host:port,host:port`, an optional chroot behind the last: `zk1:2181,[fd00::2]:2181/prod`. Port 2181 may be left out. */
  readonly servers: string;
  /** The node above the interfaces of each layout, and above applications, below the chroot. */
  readonly roots: Readonly<Record<ProviderLayout | 'services', string>>;
  readonly layouts: readonly ZooKeeperLayout[];
  /** Keys of the metadata of Spring Cloud's instances. */
  readonly metadata: MetadataKeys;
  /** `user:password` of ZooKeeper's digest scheme, for nodes with an ACL. */
  readonly digest: string | undefined;
  /** Asked of the server, which may change it. Nothing of ours lives in the session: it may be short or long. */
  readonly sessionTimeoutMs: number;
  /** For the connection and the session together; then the next server is tried. */
  readonly connectTimeoutMs: number;
  /** No request may take longer, even when octets still come. */
  readonly callTimeoutMs: number;
  /** A server from which nothing came for so long is asked whether it lives. */
  readonly probeIntervalMs: number;
  /** A server that owes a reply and has sent nothing at all for so long is taken for hung. */
  readonly silenceMs: number;
  /** The pause after a first failure; it doubles with each further one … */
  readonly backoffMinMs: number;
  /** … up to this. Each pause is shortened by chance, to as little as half. */
  readonly backoffMaxMs: number;
  /** How often everything is read again, to find events that were missed; give or take a fifth. */
  readonly relistMs: number;
  /** Requests in flight while everything is read. */
  readonly parallelReads: number;
  /** At most one list of the root in this time, however many interfaces come and go. */
  readonly rootGapMs: number;
}

export const ZOOKEEPER_DEFAULTS: Omit<ZooKeeperOptions, 'servers'> = {
  roots: { dubbo: '/dubbo', sofarpc: '/sofa-rpc', services: '/services' },
  layouts: ['dubbo'],
  metadata: { interfaces: 'interfaces', version: 'version', group: 'group' },
  digest: undefined,
  sessionTimeoutMs: 30_000,
  connectTimeoutMs: 3_000,
  callTimeoutMs: 15_000,
  // together: a frozen server is found in 4 s, while a JVM's usual pauses pass unnoticed
  probeIntervalMs: 1_500,
  silenceMs: 2_500,
  backoffMinMs: 50,
  // data must be right within 5 s of a server's return, and a list takes its time too
  backoffMaxMs: 3_000,
  relistMs: 300_000,
  parallelReads: 64,
  rootGapMs: 100,
};

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

export interface Ensemble {
  readonly servers: readonly ServerAddress[];
  /** `/prod`; '' without one */
  readonly chroot: string;
}

const DEFAULT_PORT = 2181;

/** Reads `host:port,host:port/chroot`. */
export function parseServers(text: string): Result<Ensemble> {
  const [, scheme] = /^(\w+:\/\/)/.exec(text) ?? [];
  if (scheme !== undefined) return bad(`'${text}' is no server: expected host:port without ${scheme}`);
  const slash = text.indexOf('/');
  const list = slash < 0 ? text : text.slice(0, slash);
  const chroot = slash < 0 ? '' : text.slice(slash).replace(/\/+$/, '');
  if (list.includes('@')) return bad('no user and password in a server: logs would show them; write digest');
  if (chroot !== '' && !isNodePath(chroot))
    return bad(`'${chroot}' is no path: expected /name or /name/name`);
  const servers: ServerAddress[] = [];
  for (const item of list.split(',').map((part) => part.trim())) {
    const server = splitHostPort(item) ?? splitHostPort(`${item}:${DEFAULT_PORT}`);
    if (server === undefined) return bad(`'${item}' is no server: expected host:port`);
    servers.push(server);
  }
  return ok({ servers, chroot });
}

/** Whether ZooKeeper takes it for the path of a node; `/` alone is one. */
export function isNodePath(text: string): boolean {
  return text === '/' || /^(?:\/(?!\.{1,2}(?:\/|$))[^/\0]+)+$/.test(text);
}
