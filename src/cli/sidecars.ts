import type { SidecarJson } from '../sidecars/sidecars.ts';
import { askControl } from './control-client.ts';
import { type Output, STATUS } from './output.ts';

/** So many VIPs of one are shown; `--json` has all. */
const MAX_SHOWN = 20;

/** `sidecars`: who is connected, since when, with which VIPs, and what it did not take. */
export async function listSidecars(socketPath: string, json: boolean, output: Output): Promise<number> {
  const result = await askControl<SidecarJson[]>(socketPath, 'GET', '/sidecars');
  if (!result.ok) {
    output.err(result.reason);
    return STATUS.failed;
  }
  const { value } = result;
  if (json) output.out(JSON.stringify(value, undefined, 2));
  else output.out(value.length === 0 ? 'no sidecar is connected' : value.flatMap(lines).join('\n'));
  return STATUS.ok;
}

function lines({ kind, peer, node, cluster, locality, since, pushes, vips, refusal }: SidecarJson): string[] {
  const shown = vips.slice(0, MAX_SHOWN).map((name) => name.replace('vip|', ''));
  const more = vips.length > MAX_SHOWN ? ` and ${vips.length - MAX_SHOWN} more: --json shows all` : '';
  return [
    `${node === '' ? 'unknown' : node} at ${peer}`,
    `  since       ${since}, ${kind}, ${pushes} resources sent${cluster === '' ? '' : `, of ${cluster}`}`,
    ...(locality === null ? [] : [`  locality    ${locality}`]),
    `  asked for   ${shown.join(' ') || (kind === 'istiod' ? 'everything' : 'nothing')}${more}`,
    ...(refusal === null ? [] : [`  refused     at ${refusal.at}: ${refusal.text}`]),
  ];
}
