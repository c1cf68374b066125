import type { TlsFiles } from '../tls-files.ts';

/** Options of the `http` registry. */
export interface HttpRegistryOptions {
  readonly url: string;
  /** milliseconds between two questions */
  readonly interval: number;
  /** a file whose content is sent as bearer token; read with each question, so that it may be renewed */
  readonly tokenFile?: string | undefined;
  readonly tls?: TlsFiles | undefined;
}
