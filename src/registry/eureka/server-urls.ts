/** The servers of a Eureka, as its own clients write them: `http://eureka-1:8761/eureka/,http://eureka-2:8761/eureka/`. */
import { bad, ok, type Result } from '../../base/result.ts';
import { parseServers, type ServerAddress } from '../server-list.ts';

export interface EurekaServer extends ServerAddress {
  /** what stands before `/apps`; without a slash at its end */
  readonly path: string;
}

export interface ServerUrls {
  readonly servers: readonly EurekaServer[];
  /** undefined: no server says `http://` or `https://` */
  readonly scheme: 'http' | 'https' | undefined;
}

const EUREKA_PORT = 8761;
export const USUAL_PATH = '/eureka';

/** Reads URLs, parted by commas. A bare `host` has port 8761, a URL the port of its scheme; the usual path may be left out. */
export function parseServerUrls(text: string): Result<ServerUrls> {
  const servers: EurekaServer[] = [];
  const schemes = new Set<'http' | 'https' | undefined>();
  for (const item of text.split(',').map((part) => part.trim())) {
    if (item.includes('@'))
      return bad('no user and password in a server: logs would show them; write username and passwordFile');
    const [, start, path = ''] = /^((?:https?:\/\/)?[^/]+)(\/[\w.~/-]*)?$/.exec(item) ?? [];
    const port = start?.startsWith('https:') ? 443 : start?.startsWith('http:') ? 80 : EUREKA_PORT;
    const read = parseServers(start ?? '', port);
    if (!read.ok)
      return bad(`'${item}' is no server: expected a URL such as http://10.0.0.1:${EUREKA_PORT}/eureka`);
    const [address] = read.value.addresses;
    if (address === undefined) continue;
    schemes.add(read.value.scheme);
    servers.push({ ...address, path: path.replace(/\/+$/, '') || USUAL_PATH });
  }
  if (schemes.size > 1)
    return bad('either all servers begin with the same http:// or https://, or none does');
  const [scheme] = schemes;
  return ok({ servers, scheme });
}
