import type { Style } from './options.ts';
import type { Outcome, Step } from './pod-lookup.ts';

/** What was asked of a live CoreDNS, each as a pod asks it. */
export interface Findings {
  /** below each zone */
  readonly full: readonly Finding[];
  /** with so few dots that the search list comes first */
  readonly short: readonly Finding[];
  /** without a zone: as they are, and behind each search domain */
  readonly bare: readonly Finding[];
  readonly services: readonly Finding[];
}

export interface Finding {
  readonly what: string;
  /** as the pod writes it */
  readonly name: string;
  readonly steps: readonly Step[];
  /** the right addresses, none when they are not known; undefined: the name is made up, and rpc-dns has to deny it */
  readonly vips: readonly string[] | undefined;
  /** a name that looks like a Service's: that Kubernetes denies it is all that can be had */
  readonly isKubernetes?: boolean;
}

export interface Verdict {
  readonly isGood: boolean;
  readonly lines: readonly string[];
}

/**
 * Whether a style does what it says. Full names and Service names have to resolve with any; with `shared` and `view`
 * bare names have to as well, each with its first question. A name that somebody outside the cluster denied has leaked.
 */
export function judge(style: Style, findings: Findings, packages: readonly string[]): Verdict {
  const needsBare = style !== 'stub';
  const zoned = [...findings.full, ...(needsBare ? findings.short : [])];
  const full = zoned.map((finding) => problemOf(finding, FULL_REMEDIES)).find(isText);
  const bare = findings.bare.map((finding) => problemOf(finding, BARE_REMEDIES)).find(isText);
  const services = findings.services.map(serviceProblem).find(isText);
  const isGood = full === undefined && services === undefined && (bare === undefined || !needsBare);
  const covered = packages.length === 0 ? '' : ` of ${packages.join(', ')}`;
  return {
    isGood,
    lines: [
      `full names     ${full ?? 'good'}`,
      `bare names     ${bare === undefined || needsBare ? (bare ?? 'good') : `${bare} (style stub has none)`}`,
      `Service names  ${services ?? 'good'}`,
      isGood
        ? `good: names${needsBare ? covered : ''} resolve as style ${style} says`
        : `bad: this is not what style ${style} does`,
    ],
  };
}

function isText(problem: string | undefined): problem is string {
  return problem !== undefined;
}

/** What a row of the table says. */
export function resultText({ steps }: Finding): string {
  const leaked = leaksOf(steps);
  const last = steps.at(-1);
  if (last === undefined) return 'not asked';
  const answered = last.outcomes.flatMap((outcome) => (outcome.kind === 'answered' ? outcome.addresses : []));
  const count =
    steps.length === 1 ? '' : ` after ${steps.length} questions for A and ${steps.length} for AAAA`;
  const leaks = leaked.length === 0 ? '' : `; leaked: ${leaked.join(', ')}`;
  return `${answered.length > 0 ? answered.join(' ') : outcomesText(last)}${count}${leaks}`;
}

/** What A and AAAA came to, once where it is the same. */
function outcomesText({ outcomes }: Step): string {
  return [...new Set(outcomes.map(outcomeText))].join(' and ');
}

function outcomeText(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'answered':
      return outcome.addresses.join(' ');
    case 'denied':
      return `denied by ${outcome.by === 'elsewhere' ? soaText(outcome.soa) : outcome.by}`;
    case 'failed':
      return [outcome.rcode, ...outcome.errors].join(', ');
    case 'silent':
      return 'silence';
  }
}

function soaText(soa: string | undefined): string {
  if (soa === undefined) return 'a server outside the cluster';
  return soa === '' ? 'the root servers' : `the servers of ${soa}`;
}

function leaksOf(steps: readonly Step[]): string[] {
  return steps
    .filter(({ outcomes }) =>
      outcomes.some((outcome) => outcome.kind === 'denied' && outcome.by === 'elsewhere'),
    )
    .map(({ name }) => name);
}

/** Why a name of rpc-dns does not resolve at once and within the cluster, and what to do about it. */
interface Remedies {
  readonly leaked: string;
  readonly kubernetes: string;
  readonly refused: string;
}

const FULL_REMEDIES: Remedies = {
  leaked:
    'CoreDNS sends the zone to its upstream servers: the block or the forward line of the zone is missing',
  kubernetes:
    'the plugin kubernetes denies them itself: the zone is missing behind fallthrough, or has no server block of its own',
  refused: 'no server block is for the zone, rpc-dns does not have it, or max_concurrent is exceeded',
};

const REWRITES =
  'the rewrite lines of style shared or view are missing or do not have this package, or CoreDNS has not read its file again yet';

const BARE_REMEDIES: Remedies = {
  leaked: REWRITES,
  kubernetes: REWRITES,
  refused: 'no server block is for them, or max_concurrent is exceeded',
};

const SOMEBODY_ELSE = 'somebody else answers, such as a wildcard in a search domain, or another rpc-dns';

function problemOf({ name, steps, vips, isKubernetes }: Finding, remedies: Remedies): string | undefined {
  const leaked = leaksOf(steps);
  if (leaked.length > 0) return `leak (${leaked.join(', ')}): ${remedies.leaked}`;
  const outcomes = steps.flatMap((step) => step.outcomes);
  if (outcomes.some(({ kind }) => kind === 'silent')) {
    return `no answer to ${name}: nothing listens there, or CoreDNS waits for an rpc-dns that hangs (failfast_all_unhealthy_upstreams, CoreDNS 1.12.1, spares that)`;
  }
  const failed = outcomes.find((outcome) => outcome.kind === 'failed');
  if (failed !== undefined) {
    const why =
      failed.rcode === 'REFUSED'
        ? remedies.refused
        : 'CoreDNS does not reach the addresses behind forward, or rpc-dns is not ready';
    return `${outcomeText(failed)} for ${name}: ${why}`;
  }
  if (isKubernetes === true) return undefined;
  const deniers = outcomes.flatMap((outcome) => (outcome.kind === 'denied' ? [outcome.by] : []));
  const byKubernetes = `${name} is denied by Kubernetes: ${remedies.kubernetes}`;
  const addresses = outcomes.flatMap((outcome) => (outcome.kind === 'answered' ? outcome.addresses : []));
  if (vips === undefined) {
    if (addresses.length > 0)
      return `${name} is ${addresses.join(' ')}, though it is made up: ${SOMEBODY_ELSE}`;
    // it runs through the whole list; where it looks like a Service's, Kubernetes denies it
    return deniers.includes('rpc-dns') ? undefined : byKubernetes;
  }
  if (addresses.length === 0) {
    return deniers.includes('Kubernetes')
      ? byKubernetes
      : `${name} is denied, though it is registered: CoreDNS asks another rpc-dns, or repeats an older denial`;
  }
  if (vips.length > 0 && !addresses.some((address) => vips.includes(address))) {
    return `${name} is ${addresses.join(' ')}, not ${vips.join(' ')}: ${SOMEBODY_ELSE}`;
  }
  return steps.length === 1
    ? undefined
    : `${name} took ${steps.length} questions for each type: ${remedies.kubernetes}`;
}

function serviceProblem({ name, steps }: Finding): string | undefined {
  const last = steps.at(-1);
  if (last?.outcomes.some(({ kind }) => kind === 'answered')) return undefined;
  const why = last === undefined ? 'was not asked' : outcomesText(last);
  return `${name} ${why}: look at CoreDNS's log; its plugin kubernetes needs the API server, and --cluster-domain has to be the cluster's`;
}
