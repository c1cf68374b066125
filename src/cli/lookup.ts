import type { LookupResult } from '../api/control.ts';
import type { MessageJson } from '../api/message-json.ts';
import type { Explanation, ServiceExplanation } from '../event-line/explain.ts';
import { askControl } from './control-client.ts';
import { type Output, STATUS } from './output.ts';

/** `lookup` by the control socket: what a name is, whose, and what would be answered. */
export async function lookup(
  socketPath: string,
  name: string,
  type: string,
  json: boolean,
  output: Output,
): Promise<number> {
  const query = new URLSearchParams({ name, type }).toString();
  const result = await askControl<LookupResult>(socketPath, 'GET', `/lookup?${query}`);
  if (!result.ok) {
    output.err(result.reason);
    return STATUS.failed;
  }
  output.out(json ? JSON.stringify(result.value, undefined, 2) : text(result.value));
  return STATUS.ok;
}

function text({ name, interface: found, answer }: LookupResult): string {
  const head = found === null ? [`${name} belongs to no registered interface`] : interfaceLines(found);
  return [...head, '', ...answerLines(answer)].join('\n');
}

function interfaceLines(found: Explanation): string[] {
  return [
    `interface          ${found.interface}`,
    `call name          ${found.callNames.join(', ') || 'lost, see conflicts'}`,
    `structured domain  ${found.domain ?? 'none'}`,
    `last changed       ${found.changedAt ?? 'never answered'}`,
    ...found.services.flatMap(serviceLines),
    ...(found.leftOut === 0
      ? []
      : [`left out           ${found.leftOut} endpoints beyond answers.maxRecords`]),
    ...found.conflicts.map((conflict) => `conflict           ${conflict}`),
  ];
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
  ];
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
