import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  Scalar,
  visit,
  type YAMLParseError,
} from 'yaml';
import type { Problem } from '../base/problem.ts';

/** Keys and indexes from the document's root. */
export type Path = readonly (string | number)[];

/** A YAML file that was read: its value with variables filled in, and where each part of it stands. */
export interface YamlFile {
  readonly file: string;
  readonly value: unknown;
  /** Syntax errors and variables that are not set. */
  readonly problems: readonly Problem[];
  /** Where the value at a path stands, or the nearest part of the path that exists. */
  positionOf(path: Path): Position;
  /** Where a key stands. */
  positionOfKey(path: Path, key: string): Position;
  /** The scalar at a path exactly as written; undefined for anything else. */
  sourceOf(path: Path): string | undefined;
}

export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Environment variables to fill in for `${VAR}` and `${VAR:-default}`; undefined: such texts are left as they are. */
export type Variables = Readonly<Record<string, string | undefined>> | undefined;

export function readYaml(file: string, text: string, variables: Variables): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const problems: Problem[] = [];
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  for (const error of document.errors) {
    const position = at(error.pos[0]);
    // one mistake makes the rest of its line look wrong
    if (problems.some(({ line }) => line === position.line)) continue;
    problems.push({ file, ...position, text: syntaxText(error, text) });
  }
  visit(document, {
    Alias: (_key, alias) => {
      if (alias.resolve(document) !== undefined) return;
      const reason = `alias *${alias.source}: no anchor &${alias.source} stands before it`;
      problems.push({ file, ...at(alias.range?.[0] ?? 0), text: reason });
    },
  });
  if (variables !== undefined) problems.push(...fillIn(document, variables, file, at));
  let value: unknown;
  try {
    value = problems.length > 0 ? undefined : document.toJS();
  } catch (error) {
    problems.push({ file, line: 1, column: 1, text: (error as Error).message });
  }
  const nodeAt = (path: Path): Node | undefined => {
    let node: unknown = document.contents;
    for (const part of [...path, undefined]) {
      if (isAlias(node)) node = node.resolve(document);
      if (part === undefined) break;
      node = isMap(node) || isSeq(node) ? node.get(part, true) : undefined;
    }
    return isMap(node) || isSeq(node) || isScalar(node) ? node : undefined;
  };
  const positionOf = (path: Path): Position => {
    for (let length = path.length; length >= 0; length--) {
      const range = nodeAt(path.slice(0, length))?.range;
      if (range) return at(range[0]);
    }
    return { line: 1, column: 1 };
  };
  return {
    file,
    value,
    problems,
    positionOf,
    positionOfKey: (path, key) => {
      const map = nodeAt(path);
      const pair = isMap(map)
        ? map.items.find((item) => isScalar(item.key) && String(item.key.value) === key)
        : undefined;
      const range = isScalar(pair?.key) ? pair.key.range : undefined;
      return range ? at(range[0]) : positionOf(path);
    },
    sourceOf: (path) => {
      const node = nodeAt(path);
      return isScalar(node) ? (node.source ?? String(node.value)) : undefined;
    },
  };
}

/** The library's own words, but where an operator would not know what to do. */
function syntaxText(error: YAMLParseError, text: string): string {
  if (error.code === 'MULTIPLE_DOCS') return 'a second YAML document: expected one in a file';
  if (error.code === 'DUPLICATE_KEY') {
    const key = /^[^:\s]+/.exec(text.slice(error.pos[0]))?.[0] ?? '';
    return `key '${key}' is there twice`;
  }
  // the library's own words are those of the JavaScript engine
  if (/call stack/.test(error.message)) return 'nested too deeply: expected lists and maps of a few levels';
  if (error.code === 'BLOCK_AS_IMPLICIT_KEY') return `${error.message}: quote a value that contains ': '`;
  return error.message;
}

function fillIn(
  document: Document,
  variables: NonNullable<Variables>,
  file: string,
  at: (offset: number) => Position,
): Problem[] {
  const problems: Problem[] = [];
  visit(document, {
    Scalar: (key, node) => {
      if (key === 'key' || typeof node.value !== 'string' || !node.value.includes('${')) return;
      const filled = node.value.replace(
        /\$\{(\w+)(?::-([^}]*))?\}/g,
        (_all, name: string, fallback?: string) => {
          // as in a shell, `:-` also stands in for a variable that is set but empty
          const value = variables[name];
          if (value !== undefined && (value !== '' || fallback === undefined)) return value;
          if (fallback !== undefined) return fallback;
          const text = `the environment variable ${name} is not set: set it, or give a default as \${${name}:-…}`;
          problems.push({ file, ...at(node.range?.[0] ?? 0), text });
          return '';
        },
      );
      // an unquoted number stays a number when it comes from a variable
      node.value = node.type === Scalar.PLAIN ? plainValue(filled) : filled;
    },
  });
  return problems;
}

/** What YAML makes of an unquoted text. */
export function plainValue(text: string): unknown {
  const contents = parseDocument(text).contents;
  return isScalar(contents) && typeof contents.value !== 'object' ? contents.value : text;
}
