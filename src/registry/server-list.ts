/** Servers that are asked by HTTP, as people list them. */
import { z } from 'zod';
import { bad, ok, type Result } from '../base/result.ts';
import { splitHostPort } from '../name/address.ts';

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

export interface Servers {
  readonly addresses: readonly ServerAddress[];
  /** undefined: no server says `http://` or `https://` */
  readonly scheme: 'http' | 'https' | undefined;
}

/**
 * Reads `host:port,host:port`; `http://` or `https://` may stand before each, as etcd's and Consul's own clients want it.
 *
 * @param usualPort may be left out
 */
export function parseServers(text: string, usualPort: number): Result<Servers> {
  const addresses: ServerAddress[] = [];
  const schemes = new Set<string>();
  for (const item of text.split(',').map((part) => part.trim())) {
    if (item.includes('@'))
      return bad('no user and password in a server: logs would show them; name a file instead');
    const [, scheme = '', rest = ''] = /^(?:(https?):\/\/)?([^/]*)\/?$/.exec(item) ?? [];
    const address = splitHostPort(rest) ?? splitHostPort(`${rest}:${usualPort}`);
    if (address === undefined || !/^[\w.:-]+$/.test(address.host))
      return bad(`'${item}' is no server: expected host:port such as 10.0.0.1:${usualPort}`);
    addresses.push(address);
    schemes.add(scheme);
  }
  if (schemes.size > 1)
    return bad('either all servers begin with the same http:// or https://, or none does');
  const [scheme] = schemes;
  return ok({ addresses, scheme: scheme === 'http' || scheme === 'https' ? scheme : undefined });
}

/**
 * The key `servers` of registries that take one text or a list of them; read, it is one text.
 *
 * @param expected what one is, such as `expected host:port`
 */
export function serversKey(expected: string, read: (text: string) => Result<unknown>) {
  return z
    .union([z.string(), z.array(z.string()).min(1)], {
      error: ({ input }) =>
        `${input === undefined ? "'servers' is missing: " : ''}${expected}, or a list of them`,
    })
    .transform((said) => [said].flat().join(','))
    .check((context) => {
      const result = read(context.value);
      if (!result.ok) context.issues.push({ code: 'custom', message: result.reason, input: context.value });
    });
}
