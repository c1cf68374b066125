import type { RegistryJson } from '../api/control.ts';
import { askControl } from './control-client.ts';
import { type Output, STATUS } from './output.ts';

/** `registries`: how each registry of the running server stands. */
export async function listRegistries(socketPath: string, json: boolean, output: Output): Promise<number> {
  const result = await askControl<RegistryJson[]>(socketPath, 'GET', '/registries');
  if (!result.ok) {
    output.err(result.reason);
    return STATUS.failed;
  }
  const { value } = result;
  if (json) output.out(JSON.stringify(value, undefined, 2));
  else output.out(value.length === 0 ? 'no registry is configured' : value.flatMap(lines).join('\n'));
  return STATUS.ok;
}

function lines(registry: RegistryJson): string[] {
  const { state, reason, interfaces, instances, held, heldBy, heldUntil, staleSeconds, snapshot } = registry;
  const since = state === 'live' ? '' : ` for ${staleSeconds} s${reason === null ? '' : `: ${reason}`}`;
  return [
    registry.registry,
    `  state       ${state}${since}`,
    `  knows       ${interfaces} interfaces, ${instances} instances`,
    ...(snapshot === 'stored' ? ['  answered    from what was stored before the start'] : []),
    ...(snapshot === 'none' ? ['  answered    not yet: it was never read'] : []),
    ...(held === 0
      ? []
      : [
          `  held        ${held} instances that ${heldBy === 'settleFor' ? 'did not come back with it' : 'went at once'}, ` +
            `until ${heldUntil ?? 'it has been back for settleFor'}; ` +
            `'registries accept ${registry.registry}' lets them go`,
        ]),
  ];
}

/** `registries accept`: what a registry lost at once is gone, and not a fault of it. */
export async function acceptRegistry(socketPath: string, name: string, output: Output): Promise<number> {
  const result = await askControl<{ believed: number }>(socketPath, 'POST', '/registries/accept', { name });
  if (!result.ok) {
    output.err(result.reason);
    return STATUS.failed;
  }
  const { believed } = result.value;
  output.out(believed === 0 ? `${name}: nothing was held` : `${name}: ${believed} instances are gone`);
  return STATUS.ok;
}
