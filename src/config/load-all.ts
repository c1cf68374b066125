import type { Problem } from '../base/problem.ts';
import type { Validated } from '../files/validate.ts';
import type { Variables } from '../files/yaml-file.ts';
import { unreadableKubeconfig } from '../registry/cluster-keys.ts';
import { KINDS, kindOf } from '../registry/kinds.ts';
import type { RegistryKind } from '../registry/registry-kind.ts';
import { checkNameServers } from './check-name-servers.ts';
import { type LoadedConfig, loadConfig } from './load.ts';
import { type LoadedZones, loadZones } from './zone-files.ts';

/** A configuration with all files that it names. */
export interface Loaded extends LoadedConfig {
  readonly zoneFiles: LoadedZones;
}

/** Reads the configuration and what it names literally; every problem of all of them at once. */
export function loadAll(
  file: string,
  variables: Variables,
  kinds: readonly RegistryKind<never>[] = KINDS,
): Validated<Loaded> {
  const loaded = loadConfig(file, variables, kinds);
  if (!loaded.ok) return loaded;
  const { config } = loaded.value;
  const zoneFiles = loadZones(config.zones);
  const problems: Problem[] = zoneFiles.unread.map(({ pattern, reason }) => {
    const position = loaded.value.positionOf(['zones', config.zones.indexOf(pattern)]);
    return { file, ...position, text: `${pattern}: ${reason}` };
  });
  problems.push(...zoneFiles.fatal);
  // a zone that could not be read may hold what would be missed
  if (problems.length === 0) problems.push(...checkNameServers(loaded.value, zoneFiles.zones));
  for (const [i, registry] of config.registries.entries()) {
    for (const found of kindOf(registry, kinds).check?.(registry) ?? []) {
      if ('problem' in found) problems.push(found.problem);
      else
        problems.push({ file, ...loaded.value.positionOf(['registries', i, found.key]), text: found.text });
    }
  }
  const { kubeconfig } = config.store;
  const reason = kubeconfig === undefined ? undefined : unreadableKubeconfig(kubeconfig);
  if (reason !== undefined) {
    problems.push({
      file,
      ...loaded.value.positionOf(['store', 'kubeconfig']),
      text: `${kubeconfig}: ${reason}`,
    });
  }
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, value: { ...loaded.value, zoneFiles } };
}
