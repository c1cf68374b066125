/** The texts that `corefile` prints: their options, their addresses, and what an older CoreDNS is spared. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parse as parseYaml } from 'yaml';
import { parseCorednsVersion } from '../../src/corefile/coredns-version.ts';
import { corefile } from '../../src/corefile/corefile.ts';
import { checkZone, parseDomain } from '../../src/corefile/domains.ts';
import { STYLES } from '../../src/corefile/options.ts';
import { QUOTE } from '../../src/corefile/section.ts';
import { parseServer } from '../../src/corefile/server-address.ts';
import { named, OPTIONS, only, parse, print, servers, version } from './corefile-fixtures.ts';

const FORWARD = ['health_check 1s', 'failfast_all_unhealthy_upstreams', 'max_concurrent 1000'];
const CACHE = (denial: number) => [
  'success 9984 30 0',
  `denial 9984 ${denial} 0`,
  'servfail 1s',
  'serve_stale 1h verify',
];

const inner = (text: string, key: string, name: string): string[] => {
  return only(only(parse(text), key).inner, name).inner.map(({ words }) => words.join(' '));
};

/** The text behind `#| ` in the section that begins so. */
function quotedText(text: string, title: string): string {
  const section = text.split('\n# ==== ').find((part) => part.startsWith(title)) ?? '';
  const lines = section.split('\n').filter((line) => line.startsWith(QUOTE));
  return `${lines.map((line) => line.slice(QUOTE.length)).join('\n')}\n`;
}

suite('server blocks', () => {
  test('stub: one block for the zones and the reverse zones', () => {
    const { text, warnings } = print({ style: 'stub' });
    const [block, ...others] = parse(text);
    assert.deepEqual(others, []);
    assert.deepEqual(block?.words, ['rpc.cluster.local:53', '247.in-addr.arpa:53']);
    assert.deepEqual(inner(text, 'rpc.cluster.local:53', 'forward'), FORWARD);
    assert.deepEqual(inner(text, 'rpc.cluster.local:53', 'cache'), CACHE(1));
    assert.deepEqual(warnings, []);
  });

  test('view: full names first, then bare names', () => {
    const { text } = print({ style: 'view' });
    assert.deepEqual(
      parse(text).map(({ words }) => words[0]),
      ['rpc.cluster.local:53', '.:53'],
    );
    assert.deepEqual(inner(text, '.:53', 'forward'), FORWARD);
    assert.deepEqual(inner(text, '.:53', 'cache'), CACHE(1));
  });

  test("shared: kubeadm's block, with kubernetes, forward and cache as they have to be", () => {
    const { text } = print();
    const block = only(parse(text), '.:53');
    assert.deepEqual(
      block.inner.map(({ words }) => words[0]),
      [
        'errors',
        'health',
        'ready',
        'rewrite',
        'rewrite',
        'rewrite',
        'kubernetes',
        'prometheus',
        'forward',
        'forward',
        'cache',
        'loop',
        'reload',
        'loadbalance',
      ],
    );
    assert.deepEqual(inner(text, '.:53', 'kubernetes'), [
      'pods insecure',
      'fallthrough rpc.cluster.local in-addr.arpa ip6.arpa',
      'ttl 30',
    ]);
    assert.deepEqual(inner(text, '.:53', 'cache'), CACHE(30));
    const [first, second] = named(block.inner, 'forward');
    assert.deepEqual(first?.words, ['forward', 'rpc.cluster.local', '10.96.0.53']);
    assert.deepEqual(second?.words, ['forward', '.', '/etc/resolv.conf']);
    assert.deepEqual(inner(text, '247.in-addr.arpa:53', 'forward'), FORWARD);
    for (const marker of ['in place of "fallthrough', 'in place of "cache 30', 'new, in front of "forward .'])
      assert.ok(text.includes(marker), marker);
  });

  test('shared: only zones of the cluster domain fall through kubernetes', () => {
    const { text } = print({ zones: ['rpc.example', 'rpc.cluster.local', 'x.corp'] });
    assert.equal(inner(text, '.:53', 'kubernetes')[1], 'fallthrough rpc.cluster.local in-addr.arpa ip6.arpa');
    const { text: outside } = print({ zones: ['rpc.example'] });
    assert.equal(inner(outside, '.:53', 'kubernetes')[1], 'fallthrough in-addr.arpa ip6.arpa');
    assert.doesNotMatch(outside, /in place of "fallthrough/);
    const forwards = named(only(parse(text), '.:53').inner, 'forward').map(({ words }) => words[1]);
    assert.deepEqual(forwards, ['rpc.example', 'rpc.cluster.local', 'x.corp', '.']);
  });

  test('many reverse zones are keys of one block, a line each', () => {
    const reverseZones = Array.from({ length: 16 }, (_, i) => `${i}.16.172.in-addr.arpa`);
    for (const style of STYLES) {
      const { text } = print({ style, reverseZones });
      const block = parse(text).find(({ words }) => words.includes('15.16.172.in-addr.arpa:53'));
      assert.equal(block?.words.filter((word) => word.endsWith('in-addr.arpa:53')).length, 16);
    }
  });

  test('without pools there is no reverse zone', () => {
    const { text } = print({ reverseZones: [] });
    assert.equal(parse(text).length, 1);
  });

  test('several servers, with ports and of both families', () => {
    const list = servers('10.96.0.53', '10.0.0.5:5300', 'fd00::53', '[fd00::54]', '[fd00::55]:5300');
    const { text } = print({ style: 'stub', servers: list });
    assert.match(
      text,
      /^ {4}forward \. 10\.96\.0\.53 10\.0\.0\.5:5300 \[fd00::53\]:53 \[fd00::54\]:53 \[fd00::55\]:5300 \{$/m,
    );
    for (const bad of [
      'rpc-dns.svc',
      '10.96.0',
      '',
      '10.96.0.53:0',
      '1.2.3.4:99999',
      '[fd00::53',
      'fd00::zz',
    ])
      assert.ok(!parseServer(bad).ok, bad);
    const many = corefile({
      ...OPTIONS,
      servers: servers(...Array.from({ length: 16 }, (_, i) => `10.0.0.${i}`)),
    });
    assert.ok(!many.ok && many.reason.includes('at most 15'));
  });

  test('every comment keeps to the width of a screen, and every style says what it cannot', () => {
    for (const style of STYLES) {
      const { text } = print({ style });
      for (const line of text.split('\n').filter((each) => each.trimStart().startsWith('#')))
        assert.ok(line.length <= 120, line);
      for (const label of ['Works', 'Costs', 'Cannot', 'Apply', 'Check'])
        assert.match(text, new RegExp(`^# ${label} `, 'm'));
    }
  });

  test('without the search domains of nodes a warning says what they are for', () => {
    assert.match(print({ search: [] }).warnings.join('\n'), /--search/);
    assert.deepEqual(print().warnings, []);
    assert.deepEqual(print({ style: 'stub', search: [] }).warnings, []);
  });
});

suite('other servers', () => {
  test('the text for kube-dns is a ConfigMap with IPs', () => {
    const { text } = print({ style: 'stub', servers: servers('10.96.0.53', 'fd00::53', '10.0.0.5:5300') });
    const yaml = parseYaml(quotedText(text, 'kube-dns')) as {
      kind: string;
      metadata: unknown;
      data: { stubDomains: string };
    };
    assert.deepEqual(
      [yaml.kind, yaml.metadata],
      ['ConfigMap', { name: 'kube-dns', namespace: 'kube-system' }],
    );
    const addresses = ['10.96.0.53', 'fd00::53', '10.0.0.5:5300'];
    assert.deepEqual(JSON.parse(yaml.data.stubDomains), {
      'rpc.cluster.local': addresses,
      '247.in-addr.arpa': addresses,
    });
    assert.match(text, /older kube-dns takes no IPv6/);
  });

  test('the text for NodeLocal DNSCache is a server block that old releases know', () => {
    const { text } = print({ style: 'stub' });
    const quoted = quotedText(text, 'NodeLocal');
    const [block] = parse(quoted);
    assert.deepEqual(block?.words, ['rpc.cluster.local:53', '247.in-addr.arpa:53']);
    assert.deepEqual(only(block?.inner ?? [], 'forward').inner, []);
    assert.doesNotMatch(quoted, /failfast|serve_stale|view|rewrite/);
  });
});

suite('older releases of CoreDNS', () => {
  const OPTIONAL = {
    failfast_all_unhealthy_upstreams: '1.12.1',
    servfail: '1.9.4',
    serve_stale: '1.9.2',
    max_concurrent: '1.6.9',
  };

  for (const release of [
    '1.6.5',
    '1.6.9',
    '1.8.0',
    '1.9.1',
    '1.9.3',
    '1.10.1',
    '1.12.0',
    '1.12.1',
    '1.14.1',
  ]) {
    test(`stub for ${release}: what it lacks is left out and named`, () => {
      const { text, warnings } = print({ style: 'stub', version: version(release) });
      const block = only(parse(text), 'rpc.cluster.local:53');
      const used = ['forward', 'cache'].flatMap((name) =>
        only(block.inner, name).inner.map(({ words }) => words[0]),
      );
      for (const [option, since] of Object.entries(OPTIONAL)) {
        const isThere = compare(release, since) >= 0;
        assert.equal(used.includes(option), isThere, option);
        const named = (line: string) => line.includes(`${option}`) && line.includes(`since ${since}`);
        assert.equal(warnings.some(named), !isThere, `${option} in ${warnings.join('\n')}`);
        assert.equal(
          text.split('\n').some((line) => line.startsWith('# Lacks') && line.includes(option)),
          !isThere,
        );
      }
    });
  }

  test('a style that a release cannot have is refused, with those that it can', () => {
    const refused = (style: 'shared' | 'view', release: string) => {
      const result = corefile({ ...OPTIONS, style, version: version(release) });
      assert.ok(!result.ok);
      return result.reason;
    };
    assert.match(
      refused('view', '1.9.4'),
      /lacks the plugin view \(since 1\.10\.0\).*--style shared or stub/,
    );
    assert.match(refused('shared', '1.9.3'), /lacks more than one forward.*\(since 1\.9\.4\).*--style stub,/);
    assert.match(refused('shared', '1.8.3'), /answer auto \(since 1\.8\.4\)/);
    for (const style of STYLES) print({ style, version: version('1.10.0') });
    print({ style: 'shared', version: version('1.9.4') });
  });

  test('versions as vendors write them, and what is none', () => {
    for (const [text, wanted] of [
      ['1.11.3', [1, 11, 3]],
      ['v1.11.3', [1, 11, 3]],
      ['1.11', [1, 11, 0]],
      ['v1.10.1-eksbuild.7', [1, 10, 1]],
      ['2.0.0', [2, 0, 0]],
    ] as const) {
      assert.deepEqual(version(text), wanted, text);
    }
    for (const text of [
      '',
      'latest',
      '1',
      '1.x',
      'coredns:1.11.3',
      '1.11.3.4',
      '-1.2.3',
      '1.6.4',
      '1.2.2',
      '0.9.9',
    ])
      assert.ok(!parseCorednsVersion(text).ok, text);
  });
});

suite('domains', () => {
  test('a zone that would take the cluster’s names is refused', () => {
    for (const zone of [
      'cluster.local',
      'local',
      'svc.cluster.local',
      'rpc.svc.cluster.local',
      'x.pod.cluster.local',
    ])
      assert.ok(checkZone(zone, 'cluster.local') !== undefined, zone);
    for (const zone of ['rpc.cluster.local', 'rpc', 'rpc.example', 'xcluster.local', 'a.b.cluster.local'])
      assert.equal(checkZone(zone, 'cluster.local'), undefined, zone);
  });

  test('a domain in a regular expression has letters, digits, hyphens and underscores', () => {
    assert.deepEqual(parseDomain('EC2.Internal.'), { ok: true, value: 'ec2.internal' });
    for (const text of ['', '.', 'a..b', 'a b', 'a*b', '(x)', 'a\\.b', '\\032.x', 'ä.x', 'x'.repeat(64)])
      assert.ok(!parseDomain(text).ok, text);
  });
});

test('packages too long for one regular expression are refused', () => {
  const packages = Array.from({ length: 100 }, (_, i) => `com.${'x'.repeat(120)}${i}`);
  const result = corefile({ ...OPTIONS, packages });
  assert.ok(!result.ok && /10000 characters/.test(result.reason));
});

function compare(a: string, b: string): number {
  const [left = [], right = []] = [a, b].map((text) => text.split('.').map(Number));
  const i = left.findIndex((part, at) => part !== right[at]);
  return i < 0 ? 0 : (left[i] ?? 0) - (right[i] ?? 0);
}
