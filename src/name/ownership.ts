import { bad, ok, type Result } from '../base/result.ts';
import { applicationOf, isApplication } from './application-name.ts';
import type { InterfaceName } from './interface-name.ts';

/** Interfaces of a package prefix may be claimed from these Kubernetes namespaces only (contract 1.7). */
export interface OwnershipRule {
  /** whole labels: `com.foo` covers `com.foo.UserService` and `com.foo.a.B`, never `com.foobar.X` */
  readonly prefix: string;
  readonly namespaces: readonly string[];
  /** where a person finds it: `ownership in rpc-dns.yaml`, `RPCOwnership trade` */
  readonly source: string;
}

/** @returns the prefix as written, or what was expected */
export function parsePackagePrefix(text: string): Result<string> {
  return /^[\w$-]+(?:\.[\w$-]+)*$/.test(text) && text.length <= 255
    ? ok(text)
    : bad(`'${text.slice(0, 100)}': expected a package such as com.foo, without a dot at its ends`);
}

/**
 * Who may name what. The longest prefix of whole labels decides; a prefix that two rules name belongs to the first.
 * An interface that no rule covers may be named by anyone. An application is governed by its name, as it is written.
 *
 * Prefixes compare as the names in DNS do, without case and with `-` for `$` and `_`: whoever may not have
 * `com.foo.UserService` may not have `COM.FOO.UserService` either.
 */
export class Ownership {
  readonly #rules = new Map<string, OwnershipRule>();

  constructor(rules: readonly OwnershipRule[]) {
    for (const rule of rules) {
      const key = comparable(rule.prefix);
      if (!this.#rules.has(key)) this.#rules.set(key, rule);
    }
  }

  get isEmpty(): boolean {
    return this.#rules.size === 0;
  }

  /** The rule that decides about an interface. */
  ruleOf(name: InterfaceName): OwnershipRule | undefined {
    if (this.#rules.size === 0) return undefined;
    let prefix = comparable(applicationOf(name) ?? name);
    for (;;) {
      const rule = this.#rules.get(prefix);
      if (rule !== undefined) return rule;
      const dot = prefix.lastIndexOf('.');
      if (dot < 0) return undefined;
      prefix = prefix.slice(0, dot);
    }
  }

  mayName(namespace: string, name: InterfaceName): boolean {
    return this.ruleAgainst(namespace, name) === undefined;
  }

  /** The rule that keeps a namespace from naming an interface, whichever way its names may be read. */
  ruleAgainst(namespace: string, name: InterfaceName): OwnershipRule | undefined {
    if (this.#rules.size === 0) return undefined;
    for (const reading of readings(name)) {
      const rule = this.ruleOf(reading);
      if (rule !== undefined && !rule.namespaces.includes(namespace)) return rule;
    }
    return undefined;
  }
}

/**
 * What the names of an interface might be taken for in DNS: `ver-2-0-0.com.foo.X` and `_endpoints.com.foo.X` stand where
 * names of `com.foo.X` stand, and `X.foo.com.svc`, or `X.foo.com` under another template, where its structured domain does.
 */
function readings(name: InterfaceName): InterfaceName[] {
  if (isApplication(name)) return [name];
  const labels = name.split('.');
  let first = 0;
  while (first < labels.length - 1 && /^(?:_|(?:ver|grp)[-_$])/i.test(labels[first] ?? '')) first++;
  const bare = labels.slice(first);
  const backward = bare.toReversed();
  const all = [labels, bare, backward, backward.slice(1)];
  return all.filter((one) => one.length > 0).map((one) => one.join('.') as InterfaceName);
}

function comparable(name: string): string {
  return name.toLowerCase().replace(/[$_]/g, '-');
}
