/** Options of the `http` registry. */
export interface HttpRegistryOptions {
  readonly url: string;
  /** milliseconds between two questions */
  readonly interval: number;
  /** a file whose content is sent as bearer token; read with each question, so that it may be renewed */
  readonly tokenFile?: string | undefined;
  /** PEM files; default: the system's authorities, and no certificate of our own */
  readonly tls?:
    | {
        readonly ca?: string | undefined;
        readonly certificate?: string | undefined;
        readonly key?: string | undefined;
      }
    | undefined;
}
