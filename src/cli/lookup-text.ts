import type { LookupResult } from '../api/look-up.ts';
import type { MessageJson } from '../api/message-json.ts';
import type { StaticPlace } from '../api/static-place.ts';
import type { Explanation, ServiceExplanation } from '../lookup/explain.ts';
import type { ApplicationExplanation } from '../lookup/explain-application.ts';
import type { VipExplanation } from '../lookup/explain-vip.ts';

/** So many interfaces of an application or a VIP are shown; `--json` has all. */
const MAX_SHOWN = 20;

/** @param typed what the person typed */
export function lookupText(typed: string, result: LookupResult): string {
  const { interface: found, service, vip, application, static: place, alsoWantedBy } = result;
  const lines = [
    ...(place === null ? [] : staticLines(place)),
    ...(vip === null ? [] : vipLines(vip)),
    ...(application === null ? [] : applicationLines(application, place)),
    ...(found === null ? [] : interfaceLines(found, service)),
    ...alsoWantedBy.map((name) => `also wanted by     ${name}, which goes by another name`),
  ];
  const head = lines.length > 0 ? lines : nothingLines(typed, result);
  return [...head, '', ...answerLines(result.answer)].join('\n');
}

function nothingLines(typed: string, { name, answer, didYouMean }: LookupResult): string[] {
  if (answer.answer.length > 0) return [`${name} is a name of the zone itself`];
  return [
    `${name} ${answer.rcode === 'NOERROR' ? 'only has names below it' : 'belongs to no registered interface'}`,
    `looked for         '${typed}' as an interface, a service, an application, a VIP, and a name in any zone`,
    ...(didYouMean.length === 0 ? [] : [`did you mean       ${didYouMean.join(', ')}`]),
  ];
}

function staticLines({ zone, kind, owner, types, place }: StaticPlace): string[] {
  const what = {
    record: 'static record     ',
    delegation: 'delegated at      ',
    dname: 'DNAME at          ',
    wildcard: 'static wildcard   ',
  }[kind];
  return [`${what} ${owner} ${types.join(' ')} at ${place}, zone ${zone}`];
}

function vipLines(vip: VipExplanation): string[] {
  const { address, pool, kind, owner, behind, retiredAt, restsUntil, interfaces } = vip;
  const lies = pool === null ? 'in no pool' : `in pool ${pool}`;
  if (interfaces.length === 0 && owner === null)
    return [`VIP                ${address}, ${lies}: nobody has it`];
  const from = {
    'cluster-ip': `ClusterIP of Service ${behind}`,
    pin: `a pin, ${lies}`,
    pool: lies,
    none: lies,
  }[kind ?? 'none'];
  return [
    `VIP                ${address}, ${from}`,
    ...(owner === null
      ? []
      : [`${retiredAt === null ? 'of service        ' : 'was of service    '} ${owner}`]),
    ...(retiredAt === null
      ? []
      : [
          `rests              since ${retiredAt}, from all but its owner until ${restsUntil}; 'vips release ${address}' frees it`,
        ]),
    ...(interfaces.length > 1 ? someOf('answered for', interfaces) : []),
  ];
}

function applicationLines(
  { application, name, interfaces }: ApplicationExplanation,
  place: StaticPlace | null,
): string[] {
  const members = interfaces.map(({ interface: member, vips, failure }) => {
    const none = failure === null ? [] : [`none: ${failure}`];
    return `${member}  ${[vips.join(', '), ...none].filter((text) => text !== '').join('; ')}`;
  });
  return [
    `application        ${application}`,
    `name               ${name}`,
    ...someOf('interface', members),
    ...(place === null ? [] : [`conflict           ${name} belongs to the static record at ${place.place}`]),
  ];
}

/** One line for each, as far as a screen has room. */
function someOf(title: string, texts: readonly string[]): string[] {
  const lines = texts.slice(0, MAX_SHOWN).map((text) => `${title.padEnd(18)} ${text}`);
  const left = texts.length - lines.length;
  return left > 0 ? [...lines, `${''.padEnd(18)} and ${left} more: --json shows all`] : lines;
}

/** @param service the only one that was asked for, by its key */
function interfaceLines(found: Explanation, service: string | null): string[] {
  const shown = found.services.filter((one) => service === null || one.service === service);
  const others = found.services.length - shown.length;
  return [
    ...nameLines(found),
    `last changed       ${found.changedAt ?? 'never answered'}`,
    ...shown.flatMap(serviceLines),
    ...(service !== null && shown.length === 0
      ? [`service            ${service} is registered nowhere`]
      : []),
    ...(others === 0 ? [] : [`other services     ${otherServices(found, shown)}`]),
    ...(found.leftOut === 0
      ? []
      : [
          `left out           ${found.leftOut} endpoints or ports, beyond answers.maxRecords or what a TCP message holds`,
        ]),
    ...(found.sharing === 0
      ? []
      : [
          `shared VIP         ${found.sharing} services: a sidecar below layer 7 gets the endpoints of all; vips.perVersion gives each its own`,
        ]),
    ...found.conflicts.map((conflict) => `conflict           ${conflict}`),
  ];
}

function nameLines({ interface: name, application, callNames, domain }: Explanation): string[] {
  if (application !== null)
    return [`application        ${application}`, `name               ${domain ?? 'none'}`];
  return [
    `interface          ${name}`,
    `call name          ${callNames.join(', ') || 'lost, see conflicts'}`,
    `structured domain  ${domain ?? 'none'}`,
  ];
}

function otherServices({ services }: Explanation, shown: readonly ServiceExplanation[]): string {
  const keys = services.filter((one) => !shown.includes(one)).map((one) => one.service);
  const some = keys.slice(0, MAX_SHOWN).join(', ');
  return keys.length > MAX_SHOWN ? `${some} and ${keys.length - MAX_SHOWN} more` : some;
}

function serviceLines(service: ServiceExplanation): string[] {
  const failure = service.failure === null ? [] : [`none: ${service.failure}`];
  const vips = service.vips.length === 0 ? [] : [`${service.vips.join(', ')} (${originOf(service)})`];
  const vip = [...vips, ...failure].join('; ');
  return [
    `service            ${service.service}${service.remembered ? ' (registered nowhere now, remembered)' : ''}`,
    `  VIP              ${vip}`,
    `  registered in    ${service.registries.join(', ')} at ${service.sources.join(', ')}`,
    ...(service.application === '' ? [] : [`  application      ${service.application}`]),
    `  protocol         ${service.protocol}${service.port === null ? '' : `, port ${service.port}`}`,
    `  endpoints        ${service.endpoints.join(' ') || 'none'}`,
    ...refusingLines(service),
    ...traitLines(service),
  ];
}

/** Thousands would hide the rest. */
function traitLines({ traits }: ServiceExplanation): string[] {
  const more = traits.length > MAX_SHOWN ? [`  …                and ${traits.length - MAX_SHOWN} more`] : [];
  return [...traits.slice(0, MAX_SHOWN).map((text) => `  located          ${text}`), ...more];
}

function refusingLines({ endpoints, refusing }: ServiceExplanation): string[] {
  if (refusing.length === 0) return [];
  if (refusing.length === endpoints.length)
    return ['  refusing         all of them take no connections: so none is left out'];
  return [`  refusing         ${refusing.join(' ')}: no connections, left out of _endpoints`];
}

function originOf({ vipFrom, behind }: ServiceExplanation): string {
  if (behind === null) return vipFrom;
  return vipFrom === 'join' ? `joined with Service ${behind}` : `of Service ${behind}`;
}

export function answerLines(answer: MessageJson): string[] {
  const flags = answer.authoritative ? ', authoritative' : '';
  const section = (title: string, records: readonly string[]) => {
    return records.length === 0 ? [] : [`${title}:`, ...records.map((record) => `  ${record}`)];
  };
  return [
    `${answer.question} ${answer.type}: ${answer.rcode}${flags}`,
    ...answer.errors.map((error) => `extended error ${error}`),
    ...section('answer', answer.answer),
    ...section('authority', answer.authority),
    ...section('additional', answer.additional),
  ];
}
