import type { StatusJson } from '../api/control.ts';
import type { Result } from '../base/result.ts';
import type { Config } from '../config/schema.ts';
import type { Findings } from '../corefile/verdict.ts';
import type { HostPort } from '../files/fields.ts';
import type { ApiAnswer } from './ask-api.ts';

/** What a check saw. */
export interface Seen {
  /** `finding`: something does not work; `warning`: it works, and may not for long */
  readonly state: 'ok' | 'warning' | 'finding';
  /** what was looked at, and how it is */
  readonly text: string;
  /** what to do about it; of warnings and findings */
  readonly remedy?: string;
}

/** One thing that is looked at. It never rejects for what it looks at. */
export interface Check {
  readonly title: string;
  look(surroundings: Surroundings): Promise<readonly Seen[]>;
}

/** A name that is followed from the caller to the sidecar. */
export interface Specimen {
  /** without a zone, such as `com.foo.UserService` */
  readonly bare: string;
  /** with the first zone, or that which it was given with */
  readonly full: string;
  /** undefined: no interface of that name is known */
  readonly known:
    | undefined
    | {
        readonly vips: readonly string[];
        readonly port: number | undefined;
        readonly protocol: string;
        /** the Kubernetes Service whose ClusterIPs the VIPs are */
        readonly behind: string | undefined;
      };
}

/** Where the checks look, and what was asked of the server before. */
export interface Surroundings {
  readonly configFile: string;
  readonly config: Config;
  /** path of resolv.conf, and what stands in it or why it cannot be read */
  readonly resolvConf: { readonly path: string; readonly text: Result<string> };
  readonly clusterDomain: string;
  /** for each question; a check of several steps may take a few times as long */
  readonly timeoutMs: number;
  /** bad: why the server says nothing */
  readonly server: Result<StatusJson>;
  /** the server's process, or whoever has its port; undefined: nobody that can be seen */
  readonly pid: number | undefined;
  readonly specimen: Specimen | undefined;
  /** what API servers said, by the id of the registry */
  readonly apis: ReadonlyMap<string, ApiAnswer>;
  /** asks the running server by its control socket */
  control<T>(path: string): Promise<Result<T>>;
  /** asks a cluster's DNS as a pod would; as `corefile --check` does */
  askAsPod(server: HostPort, search: readonly string[]): Promise<Findings>;
  /** Unix milliseconds */
  now(): number;
}

export function good(text: string): Seen {
  return { state: 'ok', text };
}

export function warning(text: string, remedy: string): Seen {
  return { state: 'warning', text, remedy };
}

export function finding(text: string, remedy: string): Seen {
  return { state: 'finding', text, remedy };
}

/** `0.4 ms` */
export function inMs(milliseconds: number): string {
  return `${milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds)} ms`;
}

export function hostPort({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
