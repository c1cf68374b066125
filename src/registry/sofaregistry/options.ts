/** What an operator can say about a SOFARegistry, and its defaults. */
import type { ServerAddress } from '../server-list.ts';
import type { TlsFiles } from '../tls-files.ts';

export interface SofaRegistryOptions {
  /** HTTP of session servers; they know the others */
  readonly servers: readonly ServerAddress[];
  /** SOFARegistry's own name for what others call a namespace */
  readonly instance: string;
  /** of the session servers that may be asked; '': all */
  readonly zone: string;
  /** between two readings of the names */
  readonly intervalMs: number;
  /** undefined: without TLS */
  readonly tls: TlsFiles | undefined;
  /** of data servers, by HTTP */
  readonly dataPort: number;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** A server is asked so often whether it lives … */
  readonly heartbeatMs: number;
  /** … and has to answer within this. */
  readonly heartbeatTimeoutMs: number;
  /** Interfaces whose data do not come so long after the last that came are not waited for. */
  readonly answerTimeoutMs: number;
  /** After that what a server no longer says of another data centre is gone. */
  readonly sweepMs: number;
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
}

export const SESSION_PORT = 9603;
export const DEFAULT_INSTANCE = 'DEFAULT_INSTANCE_ID';
export const DEFAULT_ZONE = 'DEFAULT_ZONE';

export const SOFAREGISTRY_DEFAULTS = {
  dataPort: 9622,
  connectTimeoutMs: 3_000,
  requestTimeoutMs: 5_000,
  heartbeatMs: 5_000,
  heartbeatTimeoutMs: 3_000,
  answerTimeoutMs: 10_000,
  sweepMs: 10_000,
  backoffMinMs: 100,
  backoffMaxMs: 2_000,
};
