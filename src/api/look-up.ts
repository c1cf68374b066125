import { ok, type Result } from '../base/result.ts';
import type { EventLine } from '../event-line/event-line.ts';
import { type Explanation, explain } from '../lookup/explain.ts';
import { type ApplicationExplanation, explainApplication } from '../lookup/explain-application.ts';
import { explainVip, type VipExplanation } from '../lookup/explain-vip.ts';
import { findSubject, losersOf, type Subject } from '../lookup/find-subject.ts';
import { nearNames } from '../lookup/near-names.ts';
import { type DomainName, fits, join, keyOf, labelsOf, parseDomainName } from '../name/domain-name.ts';
import { type InterfaceName, serviceKeyText } from '../name/interface-name.ts';
import { RCODE } from '../wire/message.ts';
import { TYPE } from '../zone/types.ts';
import { type MessageJson, messageJson } from './message-json.ts';
import { findStaticPlace, type StaticFile, type StaticPlace } from './static-place.ts';

export interface LookUpSources {
  readonly events: EventLine;
  /** the reply that a query would get, as octets */
  readonly ask: (name: DomainName, type: number) => Promise<Buffer>;
  readonly zones: () => readonly DomainName[];
  readonly staticFiles: () => readonly StaticFile[];
}

/** What `lookup` tells of a text that a person typed. */
export interface LookupResult {
  /** the name that was asked, absolute */
  readonly name: string;
  readonly interface: Explanation | null;
  /** the service of that interface which was typed, by its key */
  readonly service: string | null;
  readonly vip: VipExplanation | null;
  readonly application: ApplicationExplanation | null;
  readonly static: StaticPlace | null;
  /** interfaces that wanted this name too, and go by another */
  readonly alsoWantedBy: readonly InterfaceName[];
  /** names that may have been meant; only where nothing was found */
  readonly didYouMean: readonly string[];
  readonly answer: MessageJson;
}

/** @param type undefined: the one that names of this sort have */
export async function lookUp(
  sources: LookUpSources,
  text: string,
  type: number | undefined,
): Promise<Result<LookupResult>> {
  const { events } = sources;
  const zones = sources.zones();
  const found = await findSubject(events, zones, text);
  if (!found.ok) return found;
  const subject = found.value;
  const name = await askedName(sources, subject, text);
  const answer = messageJson(await sources.ask(name, type ?? usualType(subject, name)));
  const isAnswered = answer.rcodeNumber === RCODE.NOERROR && answer.answer.length > 0;
  const place = findStaticPlace(sources.staticFiles(), keyOf(name), isAnswered);
  const known = await explainAll(events, zones, subject);
  const isKnown = subject.meaning.kind !== 'nothing' || place !== undefined || isAnswered;
  return ok({
    name: answer.question,
    ...known,
    // what an interface owns is its own, whatever wildcard lies beside it
    static: place?.kind === 'wildcard' && subject.meaning.kind !== 'nothing' ? null : (place ?? null),
    alsoWantedBy: subject.relative === undefined ? [] : losersOf(events, subject.relative),
    didYouMean: isKnown ? [] : await nearNames(events, zones, text),
    answer,
  });
}

/** The names that a person means, as {@link lookUp} completes them; one without a zone is meant in each. */
export async function namesMeant(sources: LookUpSources, text: string): Promise<Result<DomainName[]>> {
  const found = await findSubject(sources.events, sources.zones(), text);
  if (!found.ok) return found;
  const name = await askedName(sources, found.value, text);
  const { relative } = found.value;
  const typed = parseDomainName(text);
  const isAsTyped = typed.ok && keyOf(typed.value) === keyOf(name);
  if (isAsTyped || relative === undefined) return ok([name]);
  const fitting = sources.zones().filter((zone) => fits(relative, zone));
  return ok(fitting.map((zone) => join(relative, zone)));
}

/** A name that lies in another zone of the server is asked there. */
async function askedName(sources: LookUpSources, subject: Subject, text: string): Promise<DomainName> {
  if (subject.absolute === undefined) return subject.name;
  if (text.endsWith('.')) return subject.absolute;
  const { rcodeNumber } = messageJson(await sources.ask(subject.absolute, TYPE.A));
  return rcodeNumber === RCODE.REFUSED ? subject.name : subject.absolute;
}

function usualType({ meaning }: Subject, name: DomainName): number {
  if (meaning.kind === 'vip' || meaning.kind === 'browsing') return TYPE.PTR;
  const labels = labelsOf(keyOf(name));
  // `_dubbo._tcp.…`, and the instances of DNS-SD
  const isService = (at: number) => labels[at]?.startsWith('_') === true && labels[at + 1] === '_tcp';
  return isService(0) || isService(1) ? TYPE.SRV : TYPE.A;
}

async function explainAll(
  events: EventLine,
  zones: readonly DomainName[],
  { meaning }: Subject,
): Promise<Pick<LookupResult, 'interface' | 'service' | 'vip' | 'application'>> {
  const nothing = { interface: null, service: null, vip: null, application: null };
  const [zone] = zones;
  if (zone === undefined) return nothing;
  if (meaning.kind === 'vip') {
    const vip = await explainVip(events, meaning.address);
    const [only] = vip.interfaces;
    const isAlone = only !== undefined && vip.interfaces.length === 1;
    return { ...nothing, vip, interface: isAlone ? (explain(events, zone, only) ?? null) : null };
  }
  if (meaning.kind === 'application')
    return { ...nothing, application: explainApplication(events, zone, meaning) };
  if (meaning.kind !== 'interface') return nothing;
  return {
    ...nothing,
    interface: explain(events, zone, meaning.interface) ?? null,
    service: meaning.service === undefined ? null : serviceKeyText(meaning.service),
  };
}
