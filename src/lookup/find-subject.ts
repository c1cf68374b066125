import { setImmediate as nextTurn } from 'node:timers/promises';
import { bad, ok, type Result } from '../base/result.ts';
import type { EventLine } from '../event-line/event-line.ts';
import { type Address, parseAddress } from '../name/address.ts';
import { subjectOfApplication } from '../name/application-name.ts';
import {
  type DomainName,
  firstLabel,
  fits,
  join,
  keyOf,
  labelOffsets,
  labelsAbove,
  labelsOf,
  NO_LABELS,
  type Prefix,
  parseDomainName,
  prefixOf,
  ROOT,
} from '../name/domain-name.ts';
import { formGroupLabel, formLabelLimit, formVersionLabel } from '../name/interface-domain.ts';
import type { InterfaceName, ServiceKey } from '../name/interface-name.ts';
import { applicationLabel, hashedLabel } from '../name/labels.ts';
import { TCP } from '../zone/interface-node.ts';
import type { RecordView } from '../zone/interface-record.ts';
import { APPLICATIONS, SERVICES } from '../zone/registry-names.ts';
import { reverseName } from '../zone/reverse.ts';
import { addressOfReverseName } from './reverse-address.ts';

/** What a text stands for that a person typed. */
export type Meaning =
  | {
      readonly kind: 'interface';
      readonly interface: InterfaceName;
      /** the one that was typed, by its key; undefined: all of them */
      readonly service: ServiceKey | undefined;
    }
  | { readonly kind: 'vip'; readonly address: Address }
  | {
      readonly kind: 'application';
      /** as its registry writes it */
      readonly application: string;
      readonly label: string;
      readonly members: readonly InterfaceName[];
    }
  /** a name of DNS-SD (RFC 6763) that lists interfaces or protocols */
  | { readonly kind: 'browsing' }
  | { readonly kind: 'nothing' };

export interface Subject {
  readonly meaning: Meaning;
  /** the name that is asked for it, absolute */
  readonly name: DomainName;
  /** the same in front of its zone, lower-cased; undefined: it lies in no zone of registry names */
  readonly relative: Prefix | undefined;
  /** as it was typed, without the zone that was added; only where nothing of either name is known */
  readonly absolute: DomainName | undefined;
}

/** So many records are looked through before other work has its turn. */
const SLICE = 1000;

/**
 * Finds what a person means: a name in any spelling, with or without zone and final dot; an interface, a service's key,
 * an application, a VIP or its reverse name. One reading after the other, the most literal first.
 *
 * @param zones at least one
 * @returns why the text cannot be a name
 */
export async function findSubject(
  line: EventLine,
  zones: readonly DomainName[],
  text: string,
): Promise<Result<Subject>> {
  const [zone] = zones;
  if (zone === undefined) return bad('no zone is configured');
  const address = parseAddress(text.replace(/^\[(.*)\]$/, '$1'));
  if (address !== undefined) return ok(subjectOf({ kind: 'vip', address }, reverseName(address)));
  const literal = [text as InterfaceName, subjectOfApplication(text)].find((name) => isInterface(line, name));
  if (literal !== undefined) return ok(interfaceSubject(line, zone, literal));
  const service = readServiceKey(line, text);
  if (service !== undefined && isInterface(line, service.interface))
    return ok(serviceSubject(line, zones, zone, service));
  const parsed = parseDomainName(service?.interface ?? text);
  if (!parsed.ok) {
    // applications have names that no domain name has
    const application = await findApplication(line, text);
    return application === undefined ? parsed : ok(applicationSubject(application, zone));
  }
  const reversed = addressOfReverseName(keyOf(parsed.value));
  if (reversed !== undefined) return ok(subjectOf({ kind: 'vip', address: reversed }, parsed.value));
  return ok(await namedSubject(line, zones, zone, parsed.value, text));
}

function subjectOf(meaning: Meaning, name: DomainName, relative?: Prefix, absolute?: DomainName): Subject {
  return { meaning, name, relative, absolute };
}

function isInterface(line: EventLine, name: InterfaceName): boolean {
  return line.feed.has(name) || line.refusalsOf(name).length > 0;
}

/** An interface by its own name: what is asked is the call name that it got. */
function interfaceSubject(line: EventLine, zone: DomainName, name: InterfaceName): Subject {
  const view = line.feed.viewOf(name);
  const wanted = view?.callNames[0] ?? view?.domain ?? prefixOf(...name.split('.'));
  // nobody but its refusals knows a name that is too long
  const own = wanted !== undefined && fits(wanted, zone) ? wanted : NO_LABELS;
  return subjectOf(
    { kind: 'interface', interface: name, service: undefined },
    join(own, zone),
    keyOf(join(own, ROOT)).slice(0, -1) as Prefix,
  );
}

/** `group/interface:version`, the interface in any letter case, or an application; undefined: it is no such key. */
function readServiceKey(line: EventLine, text: string): ServiceKey | undefined {
  const match = /^(?:([^/:]*)\/)?([^/:]+)(?::([^/:]*))?$/.exec(text);
  if (match === null || !/[/:]/.test(text)) return undefined;
  const [, group = '', name = '', version = ''] = match;
  const literal = name as InterfaceName;
  const labels = prefixOf(...name.split('.'));
  const application = subjectOfApplication(name);
  if (isInterface(line, literal)) return { interface: literal, version, group };
  if (isInterface(line, application)) return { interface: application, version, group };
  const known = labels === undefined ? undefined : line.book.ownerOf(labels);
  return { interface: known ?? literal, version, group };
}

function serviceSubject(
  line: EventLine,
  zones: readonly DomainName[],
  zone: DomainName,
  service: ServiceKey,
): Subject {
  const found = interfaceSubject(line, zone, service.interface);
  const view = line.feed.viewOf(service.interface);
  const zoneLength = Math.max(...zones.map((one) => one.length));
  const labels = view === undefined ? NO_LABELS : formLabels(view, service, zoneLength);
  return {
    ...found,
    meaning: { kind: 'interface', interface: service.interface, service },
    name: (labels + found.name) as DomainName,
    relative: (labels + (found.relative ?? '')) as Prefix,
  };
}

/** The labels in front of the names of one service; one that falls on an older one's has a hash. */
function formLabels(view: RecordView, { version, group }: ServiceKey, zoneLength: number): Prefix {
  const base = Math.max(view.domain.length, ...view.callNames.map((name) => name.length));
  const limit = formLabelLimit(zoneLength, base);
  const choices = (value: string, make: (value: string, limit: number) => string): string[][] => {
    if (value === '') return [[]];
    const plain = make(value, limit);
    return [[hashedLabel(plain, value, limit)], [plain]];
  };
  const forms = new Set(view.forms.map(({ labels }) => labels));
  for (const first of choices(version, formVersionLabel)) {
    for (const second of choices(group, formGroupLabel)) {
      const labels = prefixOf(...first, ...second);
      if (labels !== undefined && forms.has(labels)) return labels;
    }
  }
  return NO_LABELS;
}

async function namedSubject(
  line: EventLine,
  zones: readonly DomainName[],
  zone: DomainName,
  name: DomainName,
  text: string,
): Promise<Subject> {
  const inside = zones
    .map((one) => labelsAbove(keyOf(name), keyOf(one)))
    .filter((labels) => labels !== undefined)
    // one zone may lie in another
    .sort((one, other) => one.length - other.length)[0];
  if (inside !== undefined) return subjectOf(await meaningOf(line, inside, name), name, inside);
  const relative = keyOf(name).slice(0, -1) as Prefix;
  if (relative === '' || !fits(relative, zone)) return subjectOf({ kind: 'nothing' }, name);
  const completed = join(name.slice(0, -1) as Prefix, zone);
  const meaning = await meaningOf(line, relative, name);
  if (meaning.kind !== 'nothing') return subjectOf(meaning, completed, relative);
  const application = await findApplication(line, text.replace(/\.$/, ''));
  if (application === undefined) return subjectOf(meaning, completed, relative, name);
  return applicationSubject(application, zone);
}

function applicationSubject(application: Application, zone: DomainName): Subject {
  const labels = prefixOf(application.label, 'app') ?? NO_LABELS;
  return subjectOf(application, join(labels, zone), labels);
}

/** @param name as typed: the labels of DNS-SD carry names of interfaces with their letter case */
async function meaningOf(line: EventLine, relative: Prefix, name: DomainName): Promise<Meaning> {
  if (relative === '') return { kind: 'nothing' };
  if (relative === SERVICES || isBrowsing(relative)) return { kind: 'browsing' };
  const offsets = labelOffsets(relative);
  const instance = offsets.length === 3 ? await findInstance(line, relative, name) : undefined;
  if (instance !== undefined) return instance;
  for (const [i, at] of offsets.entries()) {
    const base = relative.slice(at) as Prefix;
    const claimant = line.book.claimantOf(base);
    const isOfApplication = offsets.length - i === 2 && base.endsWith(APPLICATIONS);
    const application =
      isOfApplication && (claimant === undefined || claimant.kind === 'call')
        ? await findApplicationAt(line, firstLabel(base))
        : undefined;
    if (application !== undefined) return application;
    if (claimant !== undefined)
      return { kind: 'interface', interface: claimant.interface, service: undefined };
  }
  return { kind: 'nothing' };
}

/** `_dubbo._tcp` */
function isBrowsing(relative: Prefix): boolean {
  return relative.endsWith(TCP) && labelOffsets(relative).length === 2 && relative.charCodeAt(1) === 0x5f;
}

/** `com\.foo\.UserService._dubbo._tcp`: the interface is one label, shortened when it is too long for one. */
async function findInstance(
  line: EventLine,
  relative: Prefix,
  name: DomainName,
): Promise<Meaning | undefined> {
  const [label = '', protocol = ''] = labelsOf(relative);
  if (!relative.endsWith(TCP) || !protocol.startsWith('_')) return undefined;
  const literal = firstLabel(name) as string as InterfaceName;
  const instance: string | undefined = line.feed.viewOf(literal)?.instance;
  if (instance === literal) return { kind: 'interface', interface: literal, service: undefined };
  const [found] = await scan(line, (view) => view.instance.toLowerCase() === label);
  return found === undefined ? undefined : { kind: 'interface', interface: found, service: undefined };
}

type Application = Extract<Meaning, { kind: 'application' }>;

/** By its own name, as a registry writes it; else by the label that such a name has. */
async function findApplication(line: EventLine, application: string): Promise<Application | undefined> {
  const isOf = (view: RecordView) => applicationsOf(line, view).includes(application);
  const members = await scan(line, (view) => view.applications.length > 0 && isOf(view));
  const [first] = members;
  const view = first === undefined ? undefined : line.feed.viewOf(first);
  if (view === undefined) return findApplicationAt(line, applicationLabel(application));
  return { kind: 'application', application, label: labelIn(view, application), members };
}

/** Of two that fall on one label the newer has a hash. */
function labelIn(view: RecordView, application: string): string {
  const plain = applicationLabel(application);
  const labels: string[] = view.applications.map(({ label }) => label);
  const own = [hashedLabel(plain, application), plain].find((label) => labels.includes(label));
  return own ?? labels.find((label) => label.startsWith(plain)) ?? labels[0] ?? plain;
}

function applicationsOf(line: EventLine, view: RecordView): string[] {
  const name = view.interface as InterfaceName;
  return line.feed.aboutOf(view, name).services.map(({ application }) => application);
}

async function findApplicationAt(line: EventLine, label: string): Promise<Application | undefined> {
  const members = await scan(line, (view) => view.applications.some((part) => part.label === label));
  const [first] = members;
  if (first === undefined) return undefined;
  const view = line.feed.viewOf(first);
  const names = view === undefined ? [] : applicationsOf(line, view);
  const application = names.find(
    (name) => view !== undefined && name !== '' && labelIn(view, name) === label,
  );
  return { kind: 'application', application: application ?? label, label, members };
}

/** The published interfaces that `matches`, in turns: a catalogue may be large, and changes go before questions of people. */
export async function scan(
  line: EventLine,
  matches: (view: RecordView) => boolean,
): Promise<InterfaceName[]> {
  const found: InterfaceName[] = [];
  let count = 0;
  for (const name of line.feed.names()) {
    if (++count % SLICE === 0) await nextTurn();
    const view = line.feed.viewOf(name);
    if (view !== undefined && matches(view)) found.push(name);
  }
  return found.sort();
}

/** Interfaces that wanted this very name too, and go by another. @param relative lower-cased */
export function losersOf(line: EventLine, relative: Prefix): InterfaceName[] {
  return [...(line.book.waitersOf(relative)?.keys() ?? [])].sort();
}
