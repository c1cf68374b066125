/** What an operator can say about a Eureka, and its defaults. */
import type { MetadataKeys } from '../application-instances.ts';
import type { TlsFiles } from '../tls-files.ts';
import type { EurekaServer } from './server-urls.ts';

export interface EurekaOptions {
  /** peers of one Eureka: one is followed at a time */
  readonly servers: readonly EurekaServer[];
  readonly username?: string | undefined;
  /** read with each request, so that it may be renewed */
  readonly passwordFile?: string | undefined;
  /** undefined: without TLS */
  readonly tls?: TlsFiles | undefined;
  readonly metadata: MetadataKeys;
  /** from one question for what changed to the next */
  readonly intervalMs: number;
  /** so often everything is read anew, whatever was told: the hash of a delta sees neither addresses nor metadata */
  readonly relistMs: number;
  /** A server tells changes for three minutes; after a longer pause than this everything is read anew. */
  readonly maxGapMs: number;
  /** of a delta, from the question to the last octet */
  readonly requestTimeoutMs: number;
  /** the same, of everything */
  readonly listTimeoutMs: number;
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  readonly maxReplyOctets: number;
  readonly maxInstances: number;
  /** of all that they are called and list; what several say counts once */
  readonly maxTextLength: number;
}

export const EUREKA_DEFAULTS = {
  intervalMs: 10_000,
  relistMs: 300_000,
  maxGapMs: 120_000,
  requestTimeoutMs: 10_000,
  listTimeoutMs: 60_000,
  backoffMinMs: 50,
  backoffMaxMs: 3_000,
  // 20,000 instances are about 20 MB, and much more where they list interfaces; they are never held as a whole
  maxReplyOctets: 256 * 2 ** 20,
  maxInstances: 100_000,
  // 100,000 interfaces are about 6,000,000
  maxTextLength: 16_000_000,
};
