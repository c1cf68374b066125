import { bad, ok, type Result } from '../base/result.ts';

/**
 * The full name of an RPC interface as its registry writes it: `com.foo.UserService`, `com.foo.OrderService$Inner`.
 * Letter case is kept. One to {@link MAX_INTERFACE_NAME} characters: labels of `A-Z a-z 0-9 _ $ -`, parted by dots.
 */
export type InterfaceName = string & { readonly __interfaceName: true };

/** Longer ones are garbage: a Java class name has to fit a file name. */
export const MAX_INTERFACE_NAME = 1024;

export function parseInterfaceName(text: string): Result<InterfaceName> {
  if (text === '') return bad('empty interface name');
  if (text.length > MAX_INTERFACE_NAME) return bad(`interface name over ${MAX_INTERFACE_NAME} characters`);
  if (!/^[\w$-]+(?:\.[\w$-]+)*$/.test(text)) {
    return bad(
      `'${text.slice(0, 200)}' is no interface name: expected package.Name of letters, digits, _ and $`,
    );
  }
  return ok(text as InterfaceName);
}

/** The part behind the last dot: `UserService`. */
export function simpleName(name: InterfaceName): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

/** The labels in front of the last dot, from left to right: `['com', 'foo']`. */
export function packageLabels(name: InterfaceName): string[] {
  const dot = name.lastIndexOf('.');
  return dot < 0 ? [] : name.slice(0, dot).split('.');
}

/** What a registration is for. Version and group are '' when unset. The key of the ledger. */
export interface ServiceKey {
  readonly interface: InterfaceName;
  readonly version: string;
  readonly group: string;
}

/** Dubbo's service key, `group/interface:version`: unique, and what its users know. */
export function serviceKeyText(key: ServiceKey): string {
  const group = key.group === '' ? '' : `${key.group}/`;
  const version = key.version === '' ? '' : `:${key.version}`;
  return `${group}${key.interface}${version}`;
}

/** @returns why a version or group cannot be part of a service key, whose separators are `/` and `:` */
export function checkServiceKey(version: string, group: string): string | undefined {
  for (const [what, value] of [
    ['version', version],
    ['group', group],
  ] as const) {
    if (!/^[^/:\p{Cc}]{0,255}$/u.test(value)) {
      return `${what} '${value.slice(0, 100)}': expected at most 255 characters, none of them '/', ':' or a control character`;
    }
  }
  return undefined;
}
