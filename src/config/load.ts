import { readFileSync } from 'node:fs';
import type { Problem } from '../base/problem.ts';
import { unreadable } from '../files/unreadable.ts';
import { sortProblems, type Validated, validate } from '../files/validate.ts';
import { type Path, type Position, readYaml, type Variables } from '../files/yaml-file.ts';
import { KINDS } from '../registry/kinds.ts';
import type { RegistryKind } from '../registry/registry-kind.ts';
import { crossCheck } from './cross-check.ts';
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
  const problems: Problem[] = [];
  crossCheck(result.value, kinds, (path, text) => problems.push({ file, ...yaml.positionOf(path), text }));
  if (problems.length > 0) return { ok: false, problems: sortProblems(problems) };
  return { ok: true, value: { config: result.value, file, positionOf: (path) => yaml.positionOf(path) } };
}
