import type { ComparisonJson } from '../api/compare.ts';
import { subjectText } from '../name/application-name.ts';
import { askControl } from './control-client.ts';
import { type Output, STATUS } from './output.ts';

/** So many differences are shown; `--json` has all. */
const MAX_SHOWN = 200;

/** `compare`: what one registry has and the other has not. Status 0: nothing; 1: something; 2: they cannot be compared. */
export async function compare(
  socketPath: string,
  left: string,
  right: string,
  json: boolean,
  output: Output,
): Promise<number> {
  const query = new URLSearchParams({ left, right });
  const result = await askControl<ComparisonJson>(socketPath, 'GET', `/compare?${query}`);
  if (!result.ok) {
    output.err(result.reason);
    return STATUS.badInput;
  }
  const comparison = result.value;
  output.out(json ? JSON.stringify(comparison, undefined, 2) : comparisonText(comparison));
  return comparison.differences.length === 0 ? STATUS.ok : STATUS.failed;
}

function comparisonText({ left, right, differences }: ComparisonJson): string {
  const registries = { left, right };
  const shown = differences.slice(0, MAX_SHOWN).map(({ kind, onlyIn, service, endpoint, ...one }) => {
    const what = {
      interface: `${subjectText(one.interface)}, ${instances(one.endpoints)}`,
      service: `${service}, ${instances(one.endpoints)}`,
      endpoint: `${service} ${endpoint}`,
    }[kind];
    return `only in ${registries[onlyIn].registry}: ${kind} ${what}`;
  });
  const more = differences.length - shown.length;
  return [
    ...[left, right].map(
      ({ registry, state, interfaces, endpoints }) =>
        `${registry}: ${state}, ${interfaces} interfaces, ${instances(endpoints)}`,
    ),
    ...shown,
    ...(more > 0 ? [`and ${more} more: --json shows all`] : []),
    ...(differences.length === 0 ? ['both say the same'] : []),
  ].join('\n');
}

function instances(count: number): string {
  return count === 1 ? '1 instance' : `${count} instances`;
}
