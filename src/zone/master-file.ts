import { didYouMeanText } from '../base/did-you-mean.ts';
import type { Problem } from '../base/problem.ts';
import { bad, ok, type Result } from '../base/result.ts';
import { type DomainName, ROOT } from '../name/domain-name.ts';
import { flat, readU32 } from '../name/octets.ts';
import { type EntryHead, readHead } from './entry.ts';
import { generateRecord, parseRange, readTemplate } from './generate.ts';
import { MAX_TTL } from './period.ts';
import { ProblemList } from './problem-list.ts';
import { unescapeString } from './rdata/char-string.ts';
import { FieldReader } from './rdata/field-reader.ts';
import { parseRdata } from './rdata/formats.ts';
import type { ResourceRecord } from './record.ts';
import type { Token } from './token.ts';
import { Tokenizer } from './tokenizer.ts';
import { TYPE } from './types.ts';

/** A record and where it was written; from `$GENERATE`, where the directive stands. */
export interface LocatedRecord extends ResourceRecord {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface MasterFileOptions {
  readonly text: string;
  /** What problems call the file. */
  readonly file: string;
  /** What relative names are completed with before the first $ORIGIN; without it they are problems until then. */
  readonly origin?: DomainName;
  /** Reads the file that `$INCLUDE path` in the file `from` names; its `file` must be the same for the same file. */
  readonly include: (path: string, from: string) => Result<{ file: string; text: string }>;
}

export interface MasterFile {
  readonly records: LocatedRecord[];
  /** Those of them whose owner a problem above has made doubtful. */
  readonly doubtful: ReadonlySet<LocatedRecord>;
  readonly problems: Problem[];
}

/**
 * Reads a master file (RFC 1035 section 5, RFC 2308 section 4) with BIND's `$GENERATE` and units in TTLs.
 *
 * Every problem is reported, one for an entry as a rule; the other entries are read nevertheless. Records of one
 * RRset may still differ in their TTL: whoever makes RRsets of them takes the smallest.
 */
export function parseMasterFile({ text, file, origin, include }: MasterFileOptions): MasterFile {
  const parser = new MasterFileParser(include);
  parser.read(text, {
    file,
    origin,
    isOriginSure: true,
    owner: undefined,
    isOwnerSure: true,
    files: [file],
  });
  return { records: parser.records, doubtful: parser.doubtful, problems: parser.problems.list() };
}

/** What the entries of one file share; a file that is included has a copy, so it leaves nothing behind. */
interface Scope {
  readonly file: string;
  origin: DomainName | undefined;
  /** False behind an $ORIGIN that could not be read. */
  isOriginSure: boolean;
  /** Of the entry above, for entries that start with a blank. */
  owner: DomainName | undefined;
  /** False when the owner that was written last could not be read: another one stands in its place. */
  isOwnerSure: boolean;
  /** The files being read, the outermost first. */
  readonly files: readonly string[];
}

const DIRECTIVES = ['$ORIGIN', '$TTL', '$INCLUDE', '$GENERATE'];
const MAX_DEPTH = 20;
const MAX_INCLUDES = 1000;

class MasterFileParser {
  readonly records: LocatedRecord[] = [];
  readonly doubtful = new Set<LocatedRecord>();
  readonly problems = new ProblemList();
  readonly #include: MasterFileOptions['include'];
  #includes = 0;
  /** Of $TTL, or the SOA's minimum; both outlive the file they stand in, as in BIND. */
  #defaultTtl: number | undefined;
  /** Explicit in the entry that had one last (RFC 1035 section 5.1). */
  #lastTtl: number | undefined;

  constructor(include: MasterFileOptions['include']) {
    this.#include = include;
  }

  read(text: string, scope: Scope): void {
    const entries = new Tokenizer(text);
    while (entries.next()) {
      for (const problem of entries.problems) this.problems.add({ file: scope.file, ...problem });
      const first = entries.tokens[0];
      if (first === undefined) continue;
      const damaged = entries.problems.length > 0;
      if (first.quoting === 'none' && first.text.startsWith('$') && !entries.blankOwner) {
        if (damaged) doubtOrigin(first, scope);
        else this.#directive(first, entries.tokens, scope);
      } else {
        this.#entry(first, entries, scope, damaged);
      }
    }
  }

  #entry(first: Token, { tokens, blankOwner }: Tokenizer, scope: Scope, damaged: boolean): void {
    const reader = new FieldReader(tokens, scope.origin);
    if (!blankOwner) {
      const owner = reader.name('an owner name');
      // in place of a bad owner the last good one serves, so that the entries below give no problems of their own
      scope.owner = reader.failure === undefined ? owner : (scope.owner ?? scope.origin ?? ROOT);
      scope.isOwnerSure = reader.failure === undefined;
    } else if (scope.owner === undefined) {
      reader.fail('the first entry needs an owner name', first);
    }
    if (damaged) return;
    const head = readHead(reader, blankOwner ? undefined : first);
    const rdata = head === undefined ? undefined : parseRdata(head.type, reader);
    const failure = reader.failure;
    if (failure !== undefined) this.#problem(scope, failure, failure.reason);
    // the TTL that it would have given is not missed as well
    if (head?.type === TYPE.SOA && rdata === undefined) this.#defaultTtl ??= 0;
    if (head === undefined || rdata === undefined) return;
    const { file, owner: name = ROOT } = scope;
    const minimum = head.type === TYPE.SOA ? readU32(rdata, rdata.length - 4) : undefined;
    const ttl = this.#ttl(head, first, scope, minimum);
    this.#add(
      {
        name: flat(name),
        type: head.type,
        ttl,
        rdata: flat(rdata),
        file,
        line: first.line,
        column: first.column,
      },
      scope.isOwnerSure && scope.isOriginSure,
    );
  }

  #add(record: LocatedRecord, isSure: boolean): void {
    this.records.push(record);
    if (!isSure) this.doubtful.add(record);
  }

  /** RFC 2308 section 4 and RFC 1035 section 5.1, in BIND's order. */
  #ttl({ ttl }: EntryHead, first: Token, scope: Scope, soaMinimum?: number): number {
    if (ttl !== undefined) {
      this.#lastTtl = ttl;
      return ttl;
    }
    if (this.#defaultTtl === undefined && this.#lastTtl === undefined) {
      if (soaMinimum === undefined) {
        this.#problem(scope, first, 'no TTL is known: add $TTL above, such as $TTL 3600');
      }
      // the SOA's minimum serves as $TTL; without either one problem tells it all
      this.#defaultTtl = Math.min(soaMinimum ?? 0, MAX_TTL);
    }
    return this.#defaultTtl ?? this.#lastTtl ?? 0;
  }

  #directive(directive: Token, tokens: readonly Token[], scope: Scope): void {
    const reader = new FieldReader(tokens, scope.origin, 1);
    switch (directive.text.toUpperCase()) {
      case '$ORIGIN': {
        const origin = reader.name('an origin');
        reader.finish('$ORIGIN');
        if (reader.failure !== undefined) doubtOrigin(directive, scope);
        else {
          scope.origin = origin;
          // one that is relative is as doubtful as what it is relative to
          scope.isOriginSure ||= /^(?:[^\\]|\\.)*\.$/.test(tokens[1]?.text ?? '');
        }
        break;
      }
      case '$TTL': {
        const ttl = reader.period('a TTL', MAX_TTL);
        reader.finish('$TTL');
        // a bad $TTL is one problem: that later entries have no TTL is not another
        this.#defaultTtl = reader.failure === undefined ? ttl : (this.#defaultTtl ?? 0);
        break;
      }
      case '$INCLUDE':
        this.#includeFile(reader, scope);
        break;
      case '$GENERATE':
        this.#generate(directive, reader, scope);
        break;
      default: {
        const meant = didYouMeanText(directive.text, DIRECTIVES);
        reader.fail(`unknown directive '${directive.text}'${meant}`, directive);
        doubtOrigin(directive, scope);
      }
    }
    if (reader.failure !== undefined) this.#problem(scope, reader.failure, reader.failure.reason);
  }

  /** The included file starts with this one's origin (or the one given) and owner, and changes neither here. */
  #includeFile(reader: FieldReader, scope: Scope): void {
    const token = reader.take('a file');
    const origin = reader.hasMore ? reader.name('an origin') : scope.origin;
    reader.finish('$INCLUDE');
    if (reader.failure !== undefined || token === undefined) return;
    const opened = this.#open(token.text, scope);
    if (opened.ok) this.read(opened.value.text, { ...opened.value.scope, origin });
    else reader.fail(opened.reason, token);
  }

  #open(written: string, { files, ...scope }: Scope): Result<{ text: string; scope: Scope }> {
    const path = unescapeString(written);
    if (!path.ok) return path;
    const found = this.#include(path.value, scope.file);
    if (!found.ok) return bad(`$INCLUDE '${path.value}': ${found.reason}`);
    const { file, text } = found.value;
    const chain = [...files, file];
    if (files.includes(file)) return bad(`$INCLUDE goes in a circle: ${chain.join(' → ')}`);
    if (chain.length > MAX_DEPTH) return bad(`$INCLUDE is nested more than ${MAX_DEPTH} deep`);
    if (++this.#includes > MAX_INCLUDES) return bad(`more than ${MAX_INCLUDES} files are included`);
    return ok({ text, scope: { ...scope, file, files: chain } });
  }

  #generate(directive: Token, reader: FieldReader, scope: Scope): void {
    const range = parseRange(reader.word('a range such as 1-10'));
    if (!range.ok) reader.fail(range.reason);
    const owner = reader.take('an owner name with $');
    const head = readHead(reader, owner);
    const data = readTemplate(reader);
    if (!range.ok || owner === undefined || head === undefined || data === undefined) return;
    const ttl = this.#ttl(head, directive, scope);
    const { line, column } = directive;
    const { start, stop, step } = range.value;
    for (let value = start; value <= stop; value += step) {
      const made = generateRecord({ owner: owner.text, type: head.type, data }, value, scope.origin);
      if (!made.ok) {
        // the next one would most likely fail in the same way
        reader.fail(`${made.reason} (for ${value} of $GENERATE)`, directive);
        break;
      }
      this.#add({ ...made.value, type: head.type, ttl, file: scope.file, line, column }, scope.isOriginSure);
    }
  }

  #problem(scope: Scope, { line, column }: { line: number; column: number }, text: string): void {
    this.problems.add({ file: scope.file, line, column, text });
  }
}

/** An $ORIGIN that could not be read, or what may have been meant as one: the entries below make no problems of their own. */
function doubtOrigin(directive: Token, scope: Scope): void {
  const name = directive.text.toUpperCase();
  if (name !== '$ORIGIN' && DIRECTIVES.includes(name)) return;
  scope.origin ??= ROOT;
  scope.isOriginSure = false;
}
