import { readFileSync } from 'node:fs';
import { unreadable } from '../files/unreadable.ts';
import type { Validated } from '../files/validate.ts';
import type { Variables } from '../files/yaml-file.ts';
import { homePath } from '../kubernetes/home-path.ts';
import type { Problem } from '../problem.ts';
import { parseInterfaces } from '../registry/file/parse.ts';
import { type LoadedConfig, loadConfig } from './load.ts';
import { type LoadedZones, loadZones } from './zone-files.ts';

/** A configuration with all files that it names. */
export interface Loaded extends LoadedConfig {
  readonly zoneFiles: LoadedZones;
}

/** Reads the configuration and what it names literally; every problem of all of them at once. */
export function loadAll(file: string, variables: Variables): Validated<Loaded> {
  const loaded = loadConfig(file, variables);
  if (!loaded.ok) return loaded;
  const { config } = loaded.value;
  const zoneFiles = loadZones(config.zones);
  const problems: Problem[] = zoneFiles.unread.map(({ pattern, reason }) => {
    const position = loaded.value.positionOf(['zones', config.zones.indexOf(pattern)]);
    return { file, ...position, text: `${pattern}: ${reason}` };
  });
  problems.push(...zoneFiles.fatal);
  for (const [i, registry] of config.registries.entries()) {
    if (registry.kind !== 'file') continue;
    try {
      const parsed = parseInterfaces(registry.path, readFileSync(registry.path, 'utf8'));
      if (!parsed.ok) problems.push(...parsed.problems);
    } catch (error) {
      const position = loaded.value.positionOf(['registries', i, 'path']);
      problems.push({ file, ...position, text: `${registry.path}: ${unreadable(error)}` });
    }
  }
  const kubeconfigs = [
    ...config.registries.map((registry, i) => {
      const path = registry.kind === 'kubernetes' ? registry.kubeconfig : undefined;
      return { path, at: ['registries', i, 'kubeconfig'] };
    }),
    { path: config.store.kubeconfig, at: ['store', 'kubeconfig'] },
  ];
  for (const { path, at } of kubeconfigs) {
    const reason = path === undefined ? undefined : unreadableKubeconfig(path);
    if (reason === undefined) continue;
    problems.push({ file, ...loaded.value.positionOf(at), text: `${path}: ${reason}` });
  }
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, value: { ...loaded.value, zoneFiles } };
}

/** @returns why it cannot be read; what stands in it is for the API server to accept */
function unreadableKubeconfig(path: string): string | undefined {
  try {
    readFileSync(homePath(path));
    return undefined;
  } catch (error) {
    return unreadable(error);
  }
}
