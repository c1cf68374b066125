import type { Contribution } from '../intake/contribution.ts';
import type { Address } from '../name/address.ts';
import { serviceKeyText } from '../name/interface-name.ts';
import type { Ownership } from '../name/ownership.ts';
import type { Claim, Registration } from '../registry/registration.ts';

/** A Kubernetes object may not name an interface, or not pin its address. */
export interface Refusal {
  /** the registry's id */
  readonly cluster: string;
  readonly claim: Claim;
  /** Dubbo's service key */
  readonly service: string;
  readonly reason: 'NotOwned' | 'Conflict' | 'PinNotAllowed';
  /** for people */
  readonly text: string;
  /** who has the name instead */
  readonly winner: Claim | undefined;
}

/** Objects that anyone with a namespace may write, and that name addresses. */
const PINNING: ReadonlySet<Claim['kind']> = new Set(['ConfigMap', 'ServiceEntry']);

export interface Settled {
  readonly kept: readonly Contribution[];
  readonly refusals: readonly Refusal[];
}

/** @returns why a ConfigMap or a ServiceEntry may not pin this address */
export type PinRule = (cluster: string, claim: Claim, vip: Address) => string | undefined;

/**
 * Who of several Kubernetes objects may name a service (contract 1.7): those whose namespace owns the name; of those
 * the older, but an RPCService before the annotations of the Service that it names; among equals namespace/name. What
 * registries without namespaces say is not weighed here.
 *
 *     RPCService trade/user-center       2026-01-02   com.foo owned by trade   ← names it
 *     RPCService trade/user-center-2     2026-03-04                            Conflict
 *     ConfigMap  play/things             2026-01-01                            NotOwned
 */
export function settleClaims(
  contributions: readonly Contribution[],
  ownership: Ownership,
  mayNotPin: PinRule,
): Settled {
  if (contributions.every(({ registration }) => registration.claim === undefined)) {
    return { kept: contributions, refusals: [] };
  }
  const refusals: Refusal[] = [];
  const refuse = (
    { registry, registration }: Contribution,
    claim: Claim,
    reason: Refusal['reason'],
    text: string,
    winner?: Claim,
  ) => {
    const service = serviceKeyText(registration);
    refusals.push({
      cluster: registry,
      claim,
      service,
      reason,
      text: `${claimText(claim)}: ${text}`,
      winner,
    });
  };
  const owned = contributions.filter((contribution) => {
    const { claim, interface: name } = contribution.registration;
    const rule = claim === undefined ? undefined : ownership.ruleAgainst(claim.namespace, name);
    if (claim === undefined || rule === undefined) return true;
    const text = `${name} may be named from namespace ${rule.namespaces.join(', ')} only (${rule.source}: ${rule.prefix})`;
    refuse(contribution, claim, 'NotOwned', text);
    return false;
  });
  const winner = oldestOf(owned);
  const kept = owned.flatMap((contribution): Contribution[] => {
    const { registry, registration } = contribution;
    const { claim, vip } = registration;
    if (claim === undefined) return [contribution];
    if (winner?.claim !== undefined && !isSame(claim, winner.claim)) {
      const text = `${serviceKeyText(registration)} is named by the older ${claimText(winner.claim)}`;
      const isSuperseded = supersedes(winner, registration);
      // an RPCService beside its annotated Service is how one moves from the one to the other: no conflict
      if (!isSuperseded) refuse(contribution, claim, 'Conflict', text, winner.claim);
      return [];
    }
    const reason =
      vip === undefined || !PINNING.has(claim.kind) ? undefined : mayNotPin(registry, claim, vip);
    if (reason === undefined) return [contribution];
    refuse(contribution, claim, 'PinNotAllowed', reason);
    return [{ registry, registration: { ...registration, vip: undefined } }];
  });
  return { kept, refusals };
}

/**
 * Who of several namespaces may have the plain name, when each names versions or groups of one interface: the one that
 * named the interface first. A younger claim to the name without version and group would take it from under its callers.
 *
 * @param services of one interface, each settled by itself
 */
export function settlePlainName(services: readonly Settled[]): readonly Settled[] {
  const claims = services.flatMap(({ kept }) => kept.flatMap(({ registration }) => registration.claim ?? []));
  const oldest = claims.reduce<Claim | undefined>(
    (best, claim) => (best === undefined || claim.createdAt < best.createdAt ? claim : best),
    undefined,
  );
  if (oldest === undefined || claims.every(({ namespace }) => namespace === oldest.namespace))
    return services;
  return services.map(({ kept, refusals }) => {
    const late = kept.filter(({ registration: { claim, version, group } }) => {
      return version === '' && group === '' && claim !== undefined && claim.namespace !== oldest.namespace;
    });
    const refused = late.flatMap(({ registry, registration }): Refusal[] => {
      const { claim } = registration;
      if (claim === undefined) return [];
      const service = serviceKeyText(registration);
      const text = `${claimText(claim)}: ${service} belongs to the older ${claimText(oldest)}, which names the interface`;
      return [{ cluster: registry, claim, service, reason: 'Conflict', text, winner: oldest }];
    });
    return { kept: kept.filter((one) => !late.includes(one)), refusals: [...refusals, ...refused] };
  });
}

export function claimText({ kind, namespace, name }: Claim): string {
  return `${kind} ${namespace}/${name}`;
}

function isSame(a: Claim, b: Claim): boolean {
  return claimText(a) === claimText(b);
}

/**
 * The claim that stands. An RPCService stands in the place of the annotations of its Service, so it is as old as they are:
 * that makes the order one of ages, and no three claims can each be older than the next.
 */
function oldestOf(contributions: readonly Contribution[]): Registration | undefined {
  const claims = contributions
    .map(({ registration }) => registration)
    .filter(({ claim }) => claim !== undefined);
  const ranked = claims.map((registration) => {
    const replaced = claims.filter((other) => supersedes(registration, other));
    const ages = [registration, ...replaced].map(({ claim }) => claim?.createdAt ?? 0);
    const isReplaced = claims.some((other) => supersedes(other, registration));
    const { namespace = '', name = '', kind = '' } = registration.claim ?? {};
    return { registration, isReplaced, age: Math.min(...ages), text: `${namespace}/${name} ${kind}` };
  });
  const [first] = ranked.sort(
    (a, b) => a.age - b.age || Number(a.isReplaced) - Number(b.isReplaced) || (a.text < b.text ? -1 : 1),
  );
  return first?.registration;
}

/** An RPCService wins over the annotations of its Service, however old either is. */
function supersedes(a: Registration, b: Registration): boolean {
  return (
    a.claim?.kind === 'RPCService' &&
    b.claim?.kind === 'Service' &&
    a.service?.cluster === b.service?.cluster &&
    a.claim.namespace === b.claim.namespace &&
    a.service?.name === b.claim.name
  );
}
