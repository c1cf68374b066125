import { isAtOrBelow } from './domains.ts';

/** What came back for one question; names in lower case, without the last dot (the root: ''). */
export interface Reply {
  /** undefined: nothing came in time */
  readonly rcode: string | undefined;
  readonly addresses: readonly string[];
  /** owner of the SOA in the authority section: who denies */
  readonly soa: string | undefined;
  readonly errors: readonly string[];
}

/** Who said no. */
export type Source = 'rpc-dns' | 'Kubernetes' | 'elsewhere';

export type Outcome =
  | { readonly kind: 'answered'; readonly addresses: readonly string[] }
  /** no such name, or none of this type */
  | { readonly kind: 'denied'; readonly by: Source; readonly soa: string | undefined }
  | { readonly kind: 'failed'; readonly rcode: string; readonly errors: readonly string[] }
  | { readonly kind: 'silent' };

/** One name, asked for A and AAAA at once as resolvers do. */
export interface Step {
  readonly name: string;
  readonly outcomes: readonly Outcome[];
}

export type Ask = (name: string, type: 'A' | 'AAAA') => Promise<Reply>;

export interface Domains {
  readonly zones: readonly string[];
  readonly clusterDomain: string;
}

/** The search list of a pod (Kubernetes' DNS policy ClusterFirst), behind which its node's own domains stand. */
export function searchList(namespace: string, clusterDomain: string, search: readonly string[]): string[] {
  return [`${namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain, ...search];
}

const NDOTS = 5;

/** The names that glibc asks for `name`, one after another; a last dot makes it the only one. */
export function candidates(name: string, search: readonly string[]): string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)];
  const expanded = search.map((domain) => `${name}.${domain}`);
  const dots = name.split('.').length - 1;
  return dots >= NDOTS ? [name, ...expanded] : [...expanded, name];
}

/**
 * Asks as glibc does: after NXDOMAIN, no data or SERVFAIL the next name of the list; an answer, REFUSED or silence is
 * the end.
 */
export async function podLookup(
  name: string,
  search: readonly string[],
  domains: Domains,
  ask: Ask,
): Promise<readonly Step[]> {
  const steps: Step[] = [];
  for (const candidate of candidates(name, search)) {
    const replies = await Promise.all([ask(candidate, 'A'), ask(candidate, 'AAAA')]);
    const outcomes = replies.map((reply) => classify(reply, domains));
    steps.push({ name: candidate, outcomes });
    if (!outcomes.every(goesOn)) break;
  }
  return steps;
}

function goesOn(outcome: Outcome): boolean {
  return outcome.kind === 'denied' || (outcome.kind === 'failed' && outcome.rcode === 'SERVFAIL');
}

export function classify({ rcode, addresses, soa, errors }: Reply, domains: Domains): Outcome {
  if (rcode === undefined) return { kind: 'silent' };
  if (addresses.length > 0) return { kind: 'answered', addresses };
  if (rcode === 'NOERROR' || rcode === 'NXDOMAIN') return { kind: 'denied', by: sourceOf(soa, domains), soa };
  return { kind: 'failed', rcode, errors };
}

/** A denial is signed with the SOA of its zone; one without any comes from a server that nobody here configured. */
function sourceOf(soa: string | undefined, { zones, clusterDomain }: Domains): Source {
  if (soa === undefined) return 'elsewhere';
  if (zones.some((zone) => isAtOrBelow(soa, zone))) return 'rpc-dns';
  return isAtOrBelow(soa, clusterDomain) ? 'Kubernetes' : 'elsewhere';
}
