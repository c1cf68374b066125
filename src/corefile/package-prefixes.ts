import { bad, ok, type Result } from '../base/result.ts';
import { isApplication } from '../name/application-name.ts';
import { type InterfaceName, packageLabels } from '../name/interface-name.ts';

/** What is registered in one package. */
export interface PackageCount {
  /** '' when the interfaces have none */
  readonly package: string;
  readonly interfaces: number;
  /** one of them */
  readonly example: string;
}

export function countPackages(names: Iterable<InterfaceName>): PackageCount[] {
  const counts = new Map<string, { interfaces: number; example: string }>();
  for (const name of names) {
    // applications are called by their names in the zone
    if (isApplication(name)) continue;
    const labels = packageLabels(name).join('.');
    const count = counts.get(labels);
    if (count === undefined) {
      counts.set(labels, { interfaces: 1, example: name });
      continue;
    }
    count.interfaces++;
    // an inner class is no good example
    if (count.example.includes('$')) count.example = name;
  }
  return [...counts].map(([name, count]) => ({ package: name, ...count }));
}

export interface DerivedPrefixes {
  readonly prefixes: readonly string[];
  /** interfaces that no prefix can reach, or packages, each with the reason */
  readonly unreachable: readonly string[];
}

/** Of a package so many labels are its prefix: `com.foo` for `com.foo.trade.api`. */
const LABELS = 2;
/** Each is tried on every query; RE2 itself would take many more. */
export const MAX_PREFIXES = 100;

/**
 * A package prefix, in lower case, as in `--packages`.
 *
 * @param reserved domains whose names must not be taken: the zones, the cluster's, the nodes'
 */
export function parsePrefix(text: string, reserved: readonly string[]): Result<string> {
  const prefix = text.toLowerCase();
  if (!/^[\w$-]+(?:\.[\w$-]+)*$/.test(prefix) || prefix.length > 200) {
    return bad(`'${text.slice(0, 100)}': expected a package such as com.foo`);
  }
  if (!prefix.includes('.')) {
    return bad(
      `'${text}' would take every name that begins with ${text}, foreign ones too: expected two labels or more, such as com.foo`,
    );
  }
  const taken = reserved.find((domain) => isWithin(prefix, domain));
  if (taken !== undefined)
    return bad(`'${text}' would take names of ${taken} away: expected a package such as com.foo`);
  return ok(prefix);
}

/**
 * The prefixes that reach what is owned and what is registered.
 *
 * @param owned prefixes of the configuration's `ownership`
 */
export function derivePrefixes(
  owned: readonly string[],
  registered: readonly PackageCount[],
  reserved: readonly string[],
): DerivedPrefixes {
  const unreachable: string[] = [];
  const counts = new Map<string, number>();
  for (const text of owned) {
    const prefix = parsePrefix(text, reserved);
    if (prefix.ok) counts.set(prefix.value, Number.POSITIVE_INFINITY);
    else unreachable.push(`ownership: ${prefix.reason}`);
  }
  for (const { package: name, interfaces, example } of registered) {
    const labels = name.split('.');
    if (labels.length < LABELS) {
      const others = interfaces > 1 ? ` and ${interfaces - 1} more` : '';
      unreachable.push(
        `${example}${others}: a package of ${LABELS} labels is needed to tell a name from foreign ones`,
      );
      continue;
    }
    const prefix = parsePrefix(labels.slice(0, LABELS).join('.'), reserved);
    if (prefix.ok) counts.set(prefix.value, (counts.get(prefix.value) ?? 0) + interfaces);
    else unreachable.push(`${example}: ${prefix.reason}`);
  }
  // the largest first, so that a prefix that has to be left out is the least missed
  const wanted = withoutCovered([...counts.keys()]).sort((a, b) => {
    return (counts.get(b) ?? 0) - (counts.get(a) ?? 0) || (a < b ? -1 : 1);
  });
  for (const prefix of wanted.slice(MAX_PREFIXES)) {
    unreachable.push(`${prefix}: more than ${MAX_PREFIXES} prefixes; name those that matter with --packages`);
  }
  return { prefixes: wanted.slice(0, MAX_PREFIXES).sort(), unreachable };
}

/** The prefixes without those that a shorter one covers. */
export function withoutCovered(prefixes: readonly string[]): string[] {
  const all = new Set(prefixes);
  return [...all].filter((prefix) => {
    const labels = prefix.split('.');
    return !labels.some((_, i) => i > 0 && all.has(labels.slice(0, i).join('.')));
  });
}

/** Whether a name that begins with the prefix can be the domain itself, or what stands above it. */
function isWithin(prefix: string, domain: string): boolean {
  return prefix === domain || domain.endsWith(`.${prefix}`) || domain.startsWith(`${prefix}.`);
}
