/** What an operator can say about a Consul, and its defaults. */
import type { MetadataKeys } from '../application-instances.ts';
import type { ServerAddress } from '../server-list.ts';
import type { TlsFiles } from '../tls-files.ts';

export interface ConsulOptions {
  readonly server: ServerAddress;
  /** undefined: the server's own */
  readonly datacenter?: string | undefined;
  /** a file with an ACL token; read with each request, so that it may be renewed */
  readonly tokenFile?: string | undefined;
  /** undefined: without TLS */
  readonly tls?: TlsFiles | undefined;
  readonly metadata: MetadataKeys;
  /** The longest that a question waits for news; so often everything is asked anew. */
  readonly intervalMs: number;
  /** So many services have a question of their own that waits; the others are asked in turn. */
  readonly waitingQuestions: number;
  /** Questions at once that do not wait: while everything is read, and of those asked in turn. */
  readonly parallelReads: number;
  readonly requestTimeoutMs: number;
  /** The server is asked so often whether it lives, and has a leader … */
  readonly probeIntervalMs: number;
  /** … and has to answer within this. */
  readonly probeTimeoutMs: number;
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  readonly maxReplyOctets: number;
  readonly maxServices: number;
}

export const CONSUL_DEFAULTS = {
  intervalMs: 10_000,
  // together with the others below 200, Consul's http_max_conns_per_client
  waitingQuestions: 100,
  parallelReads: 16,
  requestTimeoutMs: 10_000,
  probeIntervalMs: 3_000,
  probeTimeoutMs: 3_000,
  backoffMinMs: 50,
  backoffMaxMs: 3_000,
  maxReplyOctets: 16 * 2 ** 20,
  maxServices: 100_000,
};

export const CONSUL_PORT = 8500;
