/** What an operator can say about an etcd, and its defaults. */
import type { MetadataKeys } from '../application-instances.ts';
import type { ServerAddress } from '../server-list.ts';
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
  /** of all that their values list; what several say counts once */
  readonly maxTextLength: number;
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
  // 100,000 interfaces are about 6,000,000
  maxTextLength: 64_000_000,
};

export const ETCD_PORT = 2379;
