/** Reads a `*.case` file; see README.md. */
import assert from 'node:assert/strict';

export interface Expected {
  /** NOERROR, NXDOMAIN, … */
  readonly status: string;
  /** lower-case flags of the reply but for qr and rd, sorted */
  readonly flags: readonly string[];
  readonly errors: readonly string[];
  readonly answer: readonly string[];
  readonly authority: readonly string[];
  readonly additional: readonly string[];
}

export interface Step {
  readonly number: number;
  readonly question: string;
  readonly reference: string;
  readonly expected: Expected;
}

export type Part =
  | { readonly kind: 'zones'; readonly files: Readonly<Record<string, string>> }
  | { readonly kind: 'interfaces'; readonly registry: number; readonly text: string }
  | { readonly kind: 'pass'; readonly period: string }
  | { readonly kind: 'check'; readonly text: string }
  | { readonly kind: 'step'; readonly step: Step };

export interface Case {
  readonly title: string;
  readonly config: string;
  readonly parts: readonly Part[];
}

/** Answers in a script may stand for any registry zone by this sign. */
const ZONE_SIGN = '~';
const ZONE = 'rpc.cluster.local.';

export function parseCase(file: string, text: string): Case {
  const [head = '', ...blocks] = text.split(/^== /m);
  const title = head.trim().replace(/^# */, '');
  assert.ok(title !== '' && !title.includes('\n'), `${file}: one line of title was expected`);
  let config = '';
  const parts: Part[] = [];
  for (const block of blocks) {
    const end = block.indexOf('\n');
    const first = block.slice(0, end).trim();
    const body = block.slice(end + 1);
    const [kind, argument = ''] = splitOnce(first, ' ');
    if (kind === 'config') config = body;
    else if (kind === 'zone') addZone(parts, argument, body);
    else if (kind === 'interfaces') parts.push({ kind, registry: Number(argument || 0), text: body });
    else if (kind === 'pass') parts.push({ kind, period: argument });
    else if (kind === 'check') parts.push({ kind, text: argument });
    else if (kind === 'ask') parts.push(...readSteps(file, body, argument.replace(/^\| */, '')));
    else assert.fail(`${file}: unknown part '== ${first}'`);
  }
  const steps = parts.flatMap((part) => (part.kind === 'step' ? [part.step] : []));
  for (const [i, step] of steps.entries()) {
    assert.equal(step.number, i + 1, `${file}: steps are numbered through`);
    assert.match(step.reference, /^(contract|RFC) \d/, `${file}: step ${step.number} names its source`);
  }
  return { title, config, parts };
}

function addZone(parts: Part[], name: string, text: string): void {
  const last = parts.at(-1);
  if (last?.kind === 'zones') parts[parts.length - 1] = { ...last, files: { ...last.files, [name]: text } };
  else parts.push({ kind: 'zones', files: { [name]: text } });
}

function readSteps(file: string, body: string, reference: string): Part[] {
  const chunks = body.split(/^(?=\d+\. )/m).filter((chunk) => chunk.trim() !== '');
  return chunks.map((chunk): Part => {
    const [head = '', ...lines] = chunk
      .split('\n')
      .map((line) => line.replace(/\s+;; .*$/, '').trim())
      .filter((line) => line !== '' && !line.startsWith(';;'));
    const match = /^(\d+)\. ([^|]*)(?:\| (.*))?$/.exec(head);
    assert.ok(match !== null, `${file}: no step: ${head}`);
    const [, number, question = '', own] = match;
    return {
      kind: 'step',
      step: {
        number: Number(number),
        question: withZone(question.trim()),
        reference: own ?? reference,
        expected: readExpected(`${file} step ${number}`, lines),
      },
    };
  });
}

function readExpected(where: string, lines: readonly string[]): Expected {
  const [statusLine = '', ...rest] = lines;
  const [status = '', ...flags] = statusLine.split(' ');
  assert.match(status, /^[A-Z]+$/, `${where}: a status was expected`);
  const sections = { answer: [] as string[], authority: [] as string[], additional: [] as string[] };
  const errors: string[] = [];
  let section: keyof typeof sections = 'answer';
  for (const line of rest) {
    if (line === 'authority' || line === 'additional') section = line;
    else if (line.startsWith('error ')) errors.push(line.slice('error '.length));
    else sections[section].push(withZone(withSoa(line)));
  }
  return { status, flags: flags.toSorted(), errors, ...sections };
}

function withSoa(line: string): string {
  return line.replace(/^soa (\d+)$/, '~ $1 SOA rpc-dns-ns.~ hostmaster.~ * 3600 600 86400 2');
}

function withZone(line: string): string {
  return line.replaceAll(ZONE_SIGN, ZONE);
}

function splitOnce(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}
