import { z } from 'zod';
import { didYouMean } from '../base/did-you-mean.ts';
import type { Problem } from '../base/problem.ts';
import { type Path, plainValue, type YamlFile } from './yaml-file.ts';

/** What a file says, or everything that is wrong with it. */
export type Validated<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Checks a file against a schema; every problem at once, each where it stands. */
export function validate<S extends z.ZodType>(schema: S, yaml: YamlFile): Validated<z.output<S>> {
  if (yaml.problems.length > 0) return { ok: false, problems: yaml.problems };
  // an empty file is a file without keys
  const result = schema.safeParse(yaml.value ?? {});
  if (result.success) return { ok: true, value: result.data };
  const problems = result.error.issues.flatMap((issue) => problemsOf(issue, yaml, schema));
  return { ok: false, problems: sortProblems(problems) };
}

export function sortProblems(problems: readonly Problem[]): Problem[] {
  return [...problems].sort((a, b) =>
    a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line || a.column - b.column,
  );
}

function problemsOf(issue: z.core.$ZodIssue, yaml: YamlFile, schema: z.ZodType): Problem[] {
  const path = issue.path.filter((part): part is string | number => typeof part !== 'symbol');
  const here = { file: yaml.file, ...yaml.positionOf(path) };
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = keysAt(schema, path, yaml.value);
      return issue.keys.map((key) => {
        const meant = didYouMean(key, known);
        const hint = meant === undefined ? `expected one of ${known.join(', ')}` : `did you mean ${meant}?`;
        return { file: yaml.file, ...yaml.positionOfKey(path, key), text: `unknown key '${key}': ${hint}` };
      });
    }
    case 'invalid_type':
      // a field that knows better than its type what is expected says so
      return [{ ...here, text: ownMessage(issue) ?? wrongType(issue.expected, path, yaml) }];
    case 'invalid_value': {
      const values = issue.values.map(String);
      const found = yaml.sourceOf(path);
      if (found === undefined) {
        const value = valueAt(yaml.value, path);
        const wanted = `one of ${values.join(', ')}`;
        const text =
          value === undefined ? missing(path, wanted) : `expected ${wanted}, found ${collectionText(value)}`;
        return [{ ...here, text }];
      }
      const meant = didYouMean(found, values);
      const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
      return [{ ...here, text: `'${found}': expected one of ${values.join(', ')}${hint}` }];
    }
    case 'too_small': {
      const wanted = `expected at least ${amount(Number(issue.minimum), issue.origin)}`;
      if (yaml.sourceOf(path) === '') return [{ ...here, text: `${nameOf(path)} is empty: ${wanted}` }];
      const none = issue.origin === 'array' ? ', found none' : '';
      return [{ ...here, text: `${found(path, yaml)}${wanted}${none}` }];
    }
    case 'too_big':
      return [
        {
          ...here,
          text: `${found(path, yaml)}expected at most ${amount(Number(issue.maximum), issue.origin)}`,
        },
      ];
    default:
      return [{ ...here, text: issue.message }];
  }
}

function found(path: Path, yaml: YamlFile): string {
  const source = yaml.sourceOf(path);
  return source === undefined ? '' : `'${source}': `;
}

function ownMessage(issue: z.core.$ZodIssue): string | undefined {
  return issue.message.startsWith('Invalid input') ? undefined : issue.message;
}

function amount(count: number, origin: string): string {
  if (origin === 'string') return `${count} ${count === 1 ? 'character' : 'characters'}`;
  if (origin === 'array') return `${count} ${count === 1 ? 'entry' : 'entries'}`;
  return String(count);
}

const KIND_TEXT: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'keys and values',
};

function wrongType(expected: string, at: Path, yaml: YamlFile): string {
  let path = at;
  const wanted = KIND_TEXT[expected] ?? expected;
  const above = path.slice(0, -1);
  // one value where a list may stand: the element is the value itself
  if (typeof path.at(-1) === 'number' && !Array.isArray(valueAt(yaml.value, above))) path = above;
  const source = yaml.sourceOf(path);
  const value = valueAt(yaml.value, path);
  if (value === undefined) return missing(path, wanted);
  const key = nameOf(path);
  if (
    expected === 'string' &&
    (typeof value === 'number' || typeof value === 'boolean') &&
    source !== undefined
  ) {
    return `${key} is ${typeof value === 'number' ? 'a number' : 'true or false'} to YAML: quote it ("${source}")`;
  }
  if (typeof value === 'string' && expected !== 'string' && typeof plainValue(value) !== 'string') {
    return `${key} is a text, expected ${wanted}: write it without quotes (${value})`;
  }
  if (value === null) return `${key} is empty: expected ${wanted}`;
  if (source !== undefined) return `'${source}': expected ${wanted}`;
  return `expected ${wanted}, found ${collectionText(value)}`;
}

function collectionText(value: unknown): string {
  return Array.isArray(value) ? 'a list' : 'keys and values';
}

/** What people call the value at a path: its key, or its place in the list of that key. */
function nameOf(path: Path): string {
  const last = path.at(-1);
  if (typeof last !== 'number') return `'${last}'`;
  const list = path.findLast((part) => typeof part === 'string');
  return `entry ${last + 1} of '${list}'`;
}

function missing(path: Path, wanted: string): string {
  return `${nameOf(path)} is missing: expected ${wanted}`;
}

function valueAt(value: unknown, path: Path): unknown {
  let at = value;
  for (const part of path) {
    if (typeof at !== 'object' || at === null) return undefined;
    at = (at as Record<string | number, unknown>)[part];
  }
  return at;
}

/** The keys that a schema knows at a path, for 'did you mean'. */
function keysAt(schema: z.ZodType, path: Path, value: unknown): string[] {
  let at: z.core.$ZodType = schema;
  let here = value;
  for (const part of path) {
    at = unwrap(at, here);
    here = valueAt(here, [part]);
    if (at instanceof z.ZodObject) at = (at.shape as Record<string, z.core.$ZodType>)[String(part)] ?? at;
    else if (at instanceof z.ZodArray) at = at.element as z.core.$ZodType;
  }
  at = unwrap(at, here);
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}

/** What stands inside defaults, pipes and the like; of a discriminated union the option that the value chose. */
function unwrap(schema: z.core.$ZodType, value: unknown): z.core.$ZodType {
  let at = schema;
  for (;;) {
    if (at instanceof z.ZodDefault || at instanceof z.ZodPrefault || at instanceof z.ZodOptional) {
      at = at.def.innerType;
    } else if (at instanceof z.ZodNullable) {
      at = at.def.innerType;
    } else if (at instanceof z.ZodPipe) {
      at = at.def.in instanceof z.ZodTransform ? at.def.out : at.def.in;
    } else if (at instanceof z.ZodDiscriminatedUnion) {
      const { discriminator } = at.def;
      const chosen = valueAt(value, [discriminator]);
      const option = at.def.options.find((candidate) => {
        const shape = candidate instanceof z.ZodObject ? candidate.shape : {};
        return (shape as Record<string, z.ZodType>)[discriminator]?.safeParse(chosen).success === true;
      });
      if (option === undefined) return at;
      at = option;
    } else if (at instanceof z.ZodUnion) {
      // a text or keys and values: keys are of the latter
      const option: z.core.$ZodType | undefined = at.def.options.find((one) => one instanceof z.ZodObject);
      if (option === undefined) return at;
      at = option;
    } else {
      return at;
    }
  }
}
