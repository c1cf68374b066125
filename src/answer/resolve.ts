import {
  type DomainName,
  isAtOrBelow,
  join,
  keyOf,
  labelsAbove,
  MAX_NAME,
  type NameKey,
  type Prefix,
} from '../name/domain-name.ts';
import { additionalTarget } from '../zone/rdata/formats.ts';
import type { RRset } from '../zone/record.ts';
import { negativeTtl } from '../zone/static-zone.ts';
import { TYPE } from '../zone/types.ts';
import type { Trace, Zone, ZoneNode, Zones } from '../zone/zone.ts';
import { type Answer, EXTENDED_ERROR, type OwnedRRset, type Question } from './answer.ts';

/** A CNAME chain longer than this ends where it is (resolvers stop at 8 to 16). */
const MAX_CHAIN = 16;

/**
 * Answers a question from the zones: RFC 1034 section 4.3.2, with RFC 4592 (wildcards), RFC 6672 (DNAME),
 * RFC 8020 (empty non-terminals), RFC 8482 (ANY).
 *
 * Pure: reads the zones and nothing else. @param trace is told every fact that the answer was made from.
 */
export function resolve(zones: Zones, question: Question, trace: Trace): Answer {
  const chain: OwnedRRset[] = [];
  let name = question.name;
  for (;;) {
    const step = resolveName(zones, name, question.type, chain, trace);
    if (step.kind !== 'follow') return step;
    if (step.alias !== undefined) chain.push(step.alias);
    if (chain.length >= MAX_CHAIN || seen(chain, step.target)) {
      return { kind: 'data', chain, rrset: undefined, additional: [] };
    }
    name = step.target;
  }
}

interface Follow {
  readonly kind: 'follow';
  readonly alias: OwnedRRset | undefined;
  readonly target: DomainName;
}

function seen(chain: readonly OwnedRRset[], target: DomainName): boolean {
  const key = keyOf(target);
  return chain.some(({ name, rrset }) => rrset.type === TYPE.CNAME && keyOf(name) === key);
}

function resolveName(
  zones: Zones,
  name: DomainName,
  type: number,
  chain: OwnedRRset[],
  trace: Trace,
): Answer | Follow {
  const key = keyOf(name);
  // a zone cut's DS records belong to the parent, even where this server has the child as well
  const zone = (type === TYPE.DS ? parentSide(zones, key) : undefined) ?? zones.zoneOf(key);
  if (zone === undefined) {
    return chain.length > 0 ? { kind: 'data', chain, rrset: undefined, additional: [] } : { kind: 'refused' };
  }
  if (zone.occludes) {
    const occluded = findOcclusion(zone, key, type, trace);
    if (occluded !== undefined) return fromOcclusion(zones, zone, occluded, name, key, chain, trace);
  }
  const node = zone.find(key, trace);
  if (node !== undefined) return fromNode(zones, zone, node, name, type, chain, trace);
  // the name may be registered: neither its absence nor a wildcard is a fact yet
  if (zone.notReady) return notReady(chain);
  const wildcard = findWildcard(zone, key, trace);
  if (wildcard !== undefined) return fromNode(zones, zone, wildcard, name, type, chain, trace);
  return { kind: 'nxdomain', chain, soa: negativeSoa(zone) };
}

function notReady(chain: readonly OwnedRRset[]): Answer {
  const text = 'the registries have not been read yet';
  return { kind: 'failure', chain, error: { code: EXTENDED_ERROR.notReady, text } };
}

function parentSide(zones: Zones, key: NameKey): Zone | undefined {
  return zones.zoneOf(key)?.apexKey === key ? zones.zoneAbove(key) : undefined;
}

function fromNode(
  zones: Zones,
  zone: Zone,
  node: ZoneNode,
  name: DomainName,
  type: number,
  chain: OwnedRRset[],
  trace: Trace,
): Answer | Follow {
  const found = type === TYPE.ANY ? anyOf(node) : node.get(type);
  if (found !== undefined) {
    const additional = { [Symbol.iterator]: () => additionalOf(zones, name, found, trace) };
    return { kind: 'data', chain, rrset: { name, rrset: found }, additional };
  }
  const alias = node.get(TYPE.CNAME);
  const target = alias?.rdatas[0];
  if (alias !== undefined && target !== undefined) {
    return { kind: 'follow', alias: { name, rrset: alias }, target: target as DomainName };
  }
  if (node.failure !== undefined && (type === TYPE.A || type === TYPE.AAAA || type === TYPE.ANY)) {
    return { kind: 'failure', chain, error: { code: EXTENDED_ERROR.other, text: node.failure } };
  }
  // an empty non-terminal may yet turn out to be an interface
  if (zone.notReady && node.types().length === 0) return notReady(chain);
  return { kind: 'nodata', chain, soa: negativeSoa(zone) };
}

/** One RRset for ANY (RFC 8482 section 4.1): the first, which for interfaces is the address. */
function anyOf(node: ZoneNode): RRset | undefined {
  const type = node.types()[0];
  return type === undefined ? undefined : node.get(type);
}

type Occlusion =
  | { readonly kind: 'cut'; readonly name: NameKey; readonly ns: RRset }
  | { readonly kind: 'dname'; readonly name: NameKey; readonly dname: RRset };

/** The topmost delegation or DNAME between the apex and the name. */
function findOcclusion(zone: Zone, key: NameKey, type: number, trace: Trace): Occlusion | undefined {
  const labels = labelsAbove(key, zone.apexKey) ?? ('' as Prefix);
  const starts: number[] = [];
  for (let at = 0; at < labels.length; at += labels.charCodeAt(at) + 1) starts.push(at);
  if (starts.length > 0) starts.push(labels.length);
  for (const at of starts.reverse()) {
    const name = key.slice(at) as NameKey;
    const node = zone.find(name, trace);
    if (node === undefined) return undefined;
    const ns = name === zone.apexKey ? undefined : node.get(TYPE.NS);
    if (ns !== undefined && !(type === TYPE.DS && at === 0)) return { kind: 'cut', name, ns };
    const dname = at === 0 ? undefined : node.get(TYPE.DNAME);
    if (dname !== undefined) return { kind: 'dname', name, dname };
  }
  return undefined;
}

function fromOcclusion(
  zones: Zones,
  zone: Zone,
  occlusion: Occlusion,
  name: DomainName,
  key: NameKey,
  chain: OwnedRRset[],
  trace: Trace,
): Answer | Follow {
  const owner = name.slice(name.length - occlusion.name.length) as DomainName;
  if (occlusion.kind === 'cut') {
    const glue = occlusion.ns.rdatas.flatMap((target) =>
      addressesAt(zones, zone, target as DomainName, trace),
    );
    return { kind: 'referral', chain, ns: { name: owner, rrset: occlusion.ns }, glue };
  }
  chain.push({ name: owner, rrset: occlusion.dname });
  const below = name.slice(0, key.length - occlusion.name.length) as Prefix;
  const target = occlusion.dname.rdatas[0] as DomainName;
  if (below.length + target.length > MAX_NAME) return { kind: 'overlong', chain };
  const synthesized = join(below, target);
  const cname = { type: TYPE.CNAME, ttl: occlusion.dname.ttl, rdatas: [synthesized] };
  return { kind: 'follow', alias: { name, rrset: cname }, target: synthesized };
}

/** The wildcard at the closest encloser (RFC 4592 section 3.3.1), if the name it stands for may be one. */
function findWildcard(zone: Zone, key: NameKey, trace: Trace): ZoneNode | undefined {
  for (let at = key.charCodeAt(0) + 1; at <= key.length - zone.apexKey.length; at += key.charCodeAt(at) + 1) {
    const encloser = key.slice(at) as NameKey;
    if (encloser === zone.apexKey || zone.find(encloser, trace) !== undefined) {
      return zone.find(`\x01*${encloser}` as NameKey, trace);
    }
  }
  return undefined;
}

function negativeSoa(zone: Zone): OwnedRRset {
  return { name: zone.apex, rrset: { ...zone.soa, ttl: negativeTtl(zone.soa) } };
}

/** Addresses of the hosts that MX, NS and SRV records name, so that the client need not ask again. */
function* additionalOf(zones: Zones, owner: DomainName, rrset: RRset, trace: Trace): Generator<OwnedRRset> {
  for (const [target, known] of rrset.hosts ?? targetsOf(owner, rrset)) {
    if (known !== undefined) yield { name: target, rrset: known };
    else {
      const zone = zones.zoneOf(keyOf(target));
      if (zone !== undefined) yield* addressesAt(zones, zone, target, trace);
    }
  }
}

function targetsOf(owner: DomainName, rrset: RRset): ReadonlyMap<DomainName, undefined> {
  const targets = new Map<DomainName, undefined>();
  const done = new Set<NameKey>();
  for (const rdata of rrset.rdatas) {
    const target = additionalTarget(rrset.type, rdata, owner);
    if (target === undefined || done.has(keyOf(target))) continue;
    done.add(keyOf(target));
    targets.set(target, undefined);
  }
  return targets;
}

/** Address records of a host in one of the zones; glue below a cut counts. */
function addressesAt(zones: Zones, zone: Zone, host: DomainName, trace: Trace): OwnedRRset[] {
  const key = keyOf(host);
  const holder = isAtOrBelow(key, zone.apexKey) ? zone : zones.zoneOf(key);
  const node = holder?.find(key, trace);
  if (node === undefined) return [];
  return [TYPE.A, TYPE.AAAA].flatMap((type) => {
    const rrset = node.get(type);
    return rrset === undefined ? [] : [{ name: host, rrset }];
  });
}
