import { readFileSync } from 'node:fs';
import type { Problem } from '../base/problem.ts';
import { unreadable } from '../files/unreadable.ts';
import { sortProblems, type Validated, validate } from '../files/validate.ts';
import { type Path, type Position, readYaml, type Variables, type YamlFile } from '../files/yaml-file.ts';
import { keyOf, toText } from '../name/domain-name.ts';
import { KINDS, kindOf, registryId } from '../registry/kinds.ts';
import type { RegistryKind } from '../registry/registry-kind.ts';
import { poolCapacity, poolsOverlap } from '../vip/pool.ts';
import { type Config, configSchemaOf } from './schema.ts';

/** A configuration and where its parts stand, for problems that show up later. */
export interface LoadedConfig {
  readonly config: Config;
  readonly file: string;
  positionOf(path: Path): Position;
}

/** What an emptied file must not be taken for: all defaults, and with them no registry and no name. */
const EMPTY_TEXT =
  "the configuration is empty: expected keys and values; for nothing but defaults write 'zone: rpc.cluster.local'";

/** Nothing but blanks and comments, `null`, or `{}`. */
function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  return typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length === 0;
}

/** Reads and checks a configuration file; every problem at once. */
export function loadConfig(
  file: string,
  variables: Variables,
  kinds: readonly RegistryKind<never>[] = KINDS,
): Validated<LoadedConfig> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return { ok: false, problems: [{ file, line: 1, column: 1, text: unreadable(error) }] };
  }
  const yaml = readYaml(file, text, variables);
  if (yaml.problems.length === 0 && isEmpty(yaml.value)) {
    return { ok: false, problems: [{ file, line: 1, column: 1, text: EMPTY_TEXT }] };
  }
  const result = validate(configSchemaOf(kinds), yaml);
  if (!result.ok) return result;
  const problems = crossCheck(result.value, yaml, kinds);
  if (problems.length > 0) return { ok: false, problems: sortProblems(problems) };
  return { ok: true, value: { config: result.value, file, positionOf: (path) => yaml.positionOf(path) } };
}

/** Rules over several keys. */
function crossCheck(config: Config, yaml: YamlFile, kinds: readonly RegistryKind<never>[]): Problem[] {
  const problems: Problem[] = [];
  const report = (path: Path, text: string) =>
    problems.push({ file: yaml.file, ...yaml.positionOf(path), text });
  const zones = new Map<string, number>();
  for (const [i, zone] of config.zone.entries()) {
    if (zones.has(keyOf(zone))) report(['zone', i], `zone ${toText(zone)} is there twice`);
    if (zone === '\0') report(['zone', i], 'the root cannot be a zone of registry names');
    if (zone.length > 100)
      report(['zone', i], `zone ${toText(zone)} is over 100 octets: names of interfaces need room`);
    zones.set(keyOf(zone), i);
  }
  const { pools } = config.vips;
  for (const [i, pool] of pools.entries()) {
    if (poolCapacity(pool) === 0n) report(['vips', 'pools', i], `pool ${pool.text} has no usable address`);
    for (const other of pools.slice(0, i)) {
      if (poolsOverlap(pool, other)) report(['vips', 'pools', i], `pool ${pool.text} overlaps ${other.text}`);
    }
  }
  const listening = new Set<string>();
  for (const [i, { host, port }] of config.listen.dns.entries()) {
    const text = `${host} ${port}`;
    if (port !== 0 && listening.has(text)) report(['listen', 'dns', i], 'the address is there twice');
    listening.add(text);
  }
  const registries = new Set<string>();
  for (const [i, registry] of config.registries.entries()) {
    const id = registryId(registry, kinds);
    if (registries.has(id)) report(['registries', i], `registry ${id} is there twice`);
    registries.add(id);
  }
  const clusters = config.registries
    .filter((registry) => kindOf(registry, kinds).hasServices)
    .map((registry) => registryId(registry, kinds));
  for (const [i, registry] of config.registries.entries()) {
    for (const [k, id] of (registry.join ?? []).entries()) {
      if (clusters.includes(id)) continue;
      const known = clusters.length === 0 ? 'none is configured' : clusters.join(', ');
      report(['registries', i, 'join', k], `'${id}' is no registry of kind kubernetes: ${known}`);
    }
  }
  const prefixes = new Set<string>();
  for (const [i, { prefix }] of config.ownership.entries()) {
    const key = prefix.toLowerCase();
    if (prefixes.has(key)) report(['ownership', i, 'prefix'], `prefix ${prefix} is there twice`);
    prefixes.add(key);
  }
  return problems;
}
