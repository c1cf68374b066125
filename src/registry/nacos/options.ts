/** What an operator can say about a Nacos registry, and its defaults. */
import { bad, ok, type Result } from '../../base/result.ts';
import { splitHostPort } from '../../name/address.ts';
import type { MetadataKeys } from '../application-instances.ts';
import type { TlsFiles } from '../tls-files.ts';

export interface NacosOptions {
  /** HTTP ports; gRPC is at {@link GRPC_OFFSET} above */
  readonly servers: readonly ServerAddress[];
  /** `public`, or ids of namespaces */
  readonly namespaces: readonly string[];
  readonly groups: readonly string[];
  /** milliseconds between two readings of the list of services */
  readonly interval: number;
  readonly username: string | undefined;
  /** a file that holds the password; read with each login */
  readonly passwordFile: string | undefined;
  /** PEM files, read with each connection; for HTTP and gRPC alike; undefined: no TLS */
  readonly tls: TlsFiles | undefined;
  readonly metadata: MetadataKeys;
}

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

export const DEFAULT_PORT = 8848;
/** Nacos' own rule; its SDKs have no other. */
export const GRPC_OFFSET = 1000;
const MAX_PORT = 65_535;

/** Reads `host:port,host:port`; a port may be left out. */
export function parseNacosServers(text: string): Result<readonly ServerAddress[]> {
  const servers: ServerAddress[] = [];
  for (const item of text.split(',').map((part) => part.trim())) {
    if (item.includes('@'))
      return bad('no user and password in a server: logs would show them; write username and passwordFile');
    const server = splitHostPort(item) ?? splitHostPort(`${item}:${DEFAULT_PORT}`);
    if (server === undefined || /[/\s]/.test(server.host)) {
      return bad(`'${item}' is no server: expected host:port such as nacos-1:${DEFAULT_PORT}`);
    }
    if (server.port + GRPC_OFFSET > MAX_PORT)
      return bad(
        `'${item}': gRPC is ${GRPC_OFFSET} above the port, expected at most ${MAX_PORT - GRPC_OFFSET}`,
      );
    servers.push(server);
  }
  return ok(servers);
}
