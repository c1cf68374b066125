import { bad, ok, type Result } from '../base/result.ts';
import type { Config } from '../config/schema.ts';
import { splitHostPort } from '../name/address.ts';

/** Where a sidecar finds rpc-dns: what was typed, or `sidecars.listen`. */
export function sidecarServer(
  config: Config,
  text: string | undefined,
): Result<{ host: string; port: number }> {
  if (text === undefined) {
    if (config.sidecars === undefined)
      return bad(
        "no sidecars are served: configure 'sidecars.listen', or name the server as --server HOST:PORT",
      );
    return ok(config.sidecars.listen);
  }
  const server = splitHostPort(text);
  return server === undefined
    ? bad(`--server '${text}': expected HOST:PORT such as rpc-dns:15010`)
    : ok(server);
}
