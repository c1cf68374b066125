import assert from 'node:assert/strict';
import { type CorednsVersion, parseCorednsVersion } from '../../src/corefile/coredns-version.ts';
import { type Corefile, corefile } from '../../src/corefile/corefile.ts';
import type { CorefileOptions, Style } from '../../src/corefile/options.ts';
import { parseServer } from '../../src/corefile/server-address.ts';

export const OPTIONS: CorefileOptions = {
  style: 'shared',
  zones: ['rpc.cluster.local'],
  clusterDomain: 'cluster.local',
  search: ['ec2.internal'],
  packages: ['com.foo', 'org.apache'],
  reverseZones: ['247.in-addr.arpa'],
  servers: servers('10.96.0.53'),
  version: undefined,
};

export function servers(...texts: readonly string[]): CorefileOptions['servers'] {
  return texts.map((text) => {
    const server = parseServer(text);
    assert.ok(server.ok, text);
    return server.value;
  });
}

export function version(text: string): CorednsVersion {
  const parsed = parseCorednsVersion(text);
  assert.ok(parsed.ok, text);
  return parsed.value;
}

export function print(options: Partial<CorefileOptions> = {}): Corefile {
  const printed = corefile({ ...OPTIONS, ...options });
  assert.ok(printed.ok, printed.ok ? '' : printed.reason);
  return printed.value;
}

/** A directive with its arguments, and what stands in its braces. */
export interface Directive {
  readonly words: readonly string[];
  readonly inner: readonly Directive[];
}

/** Reads a Corefile as CoreDNS does, comments aside: keys of server blocks may go on behind a comma. */
export function parse(text: string): Directive[] {
  const lines = text
    .replace(/,\n/g, ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const block = (): Directive[] => {
    const found: Directive[] = [];
    for (let line = lines.shift(); line !== undefined && line !== '}'; line = lines.shift()) {
      const opens = line.endsWith(' {');
      const words = (opens ? line.slice(0, -2) : line).split(' ');
      found.push({ words, inner: opens ? block() : [] });
    }
    return found;
  };
  return block();
}

/** The directives of this name. */
export function named(directives: readonly Directive[], name: string): Directive[] {
  return directives.filter(({ words }) => words[0] === name);
}

export function only(directives: readonly Directive[], name: string): Directive {
  const [first, ...others] = named(directives, name);
  assert.ok(first !== undefined && others.length === 0, `one ${name}`);
  return first;
}

/** What the printed text makes of a question. */
export type Route = { readonly to: 'rpc-dns'; readonly name: string } | { readonly to: 'cluster' };

/**
 * Sends a name through a printed text of style `shared` or `view`, as CoreDNS would.
 *
 * RE2 and JavaScript read these expressions alike: no look-ahead, no back references, leftmost alternative first.
 */
export function route(style: Exclude<Style, 'stub'>, text: string, name: string): Route {
  const blocks = parse(text);
  const asked = `${name.toLowerCase()}.`;
  const own = blocks.find(({ words }) => words.some((word) => word !== '.:53' && below(asked, word)));
  if (own !== undefined) return { to: 'rpc-dns', name: asked };
  const block = only(blocks, '.:53');
  if (style === 'view' && !seen(only(block.inner, 'view'), asked)) return { to: 'cluster' };
  const rewritten = rewrite(block, asked);
  const forwarded = named(block.inner, 'forward').find(({ words }) => below(rewritten, `${words[1]}:53`));
  assert.ok(forwarded !== undefined, `${rewritten} is forwarded somewhere`);
  return forwarded.words[2] === '/etc/resolv.conf' ? { to: 'cluster' } : { to: 'rpc-dns', name: rewritten };
}

function below(name: string, key: string): boolean {
  const zone = key.replace(/:53$/, '');
  return zone === '.' || name === `${zone}.` || name.endsWith(`.${zone}.`);
}

function rewrite(block: Directive, name: string): string {
  for (const { words } of named(block.inner, 'rewrite')) {
    const [, stop, field, kind, pattern = '', replacement = ''] = words;
    assert.deepEqual([stop, field, kind], ['stop', 'name', 'regex']);
    const match = new RegExp(pattern).exec(name);
    if (match !== null) return replacement.replace('{1}', match[1] ?? '');
  }
  return name;
}

/** `!(name() matches '…') && (name() matches '…' || name() matches '…')` */
function seen(view: Directive, name: string): boolean {
  const text = only(view.inner, 'expr').words.slice(1).join(' ');
  const patterns = [...text.matchAll(/name\(\) matches '([^']*)'/g)].map(([, pattern = '']) => {
    return new RegExp(pattern.replaceAll('\\\\', '\\'));
  });
  const shape = text.replace(/name\(\) matches '[^']*'/g, 'X');
  assert.equal(shape, '!(X) && (X || X)');
  const [not, ...others] = patterns.map((pattern) => pattern.test(name));
  return not === false && others.includes(true);
}
