/**
 * What `check` says of bad files, whole and word for word: every problem at once, with file, line and column. The
 * wording is for an operator at three in the morning; change it here on purpose only.
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { check } from '../../src/cli/check.ts';
import { KINDS } from '../../src/registry/kinds.ts';
import { runToEnd } from '../support/process.ts';
import { tempFolder } from '../support/temp.ts';

/** Every kind there is, as the problem lists them. */
const A_KIND = `a registry of kind ${KINDS.map(({ kind }) => kind)
  .join(', ')
  .replace(/, ([^,]*)$/, ' or $1')}`;

interface Row {
  /** rpc-dns.yaml; default: one that names the other file */
  readonly config?: string;
  readonly interfaces?: string;
  readonly zone?: string;
  readonly says: readonly string[];
}

const ROWS: readonly Row[] = [
  {
    config: 'zonee: a.example\n',
    says: ["rpc-dns.yaml:1:1: unknown key 'zonee': did you mean zone?"],
  },
  {
    config: 'answers: { tll: 5, sytle: flat }\n',
    says: [
      "rpc-dns.yaml:1:12: unknown key 'tll': did you mean ttl?",
      "rpc-dns.yaml:1:20: unknown key 'sytle': did you mean style?",
    ],
  },
  {
    config: 'registries:\n  - { kind: zookeeper, servers: "h:1", forgetafter: 1h }\n',
    says: ["rpc-dns.yaml:2:40: unknown key 'forgetafter': did you mean forgetAfter?"],
  },
  {
    config: 'registries:\n  - { kind: zookeper, servers: "h:1" }\n',
    says: [`rpc-dns.yaml:2:13: 'zookeper': expected ${A_KIND}`],
  },
  {
    config: 'registries:\n  - { servers: "h:1" }\n',
    says: [`rpc-dns.yaml:2:5: 'kind' is missing: expected ${A_KIND}`],
  },
  {
    config: 'registries:\n  - { kind: zookeeper }\n',
    says: ["rpc-dns.yaml:2:5: 'servers' is missing: expected a text"],
  },
  {
    config: 'registries:\n  - { kind: zookeeper, servers: "zk-1:2181,zk-2:99999" }\n',
    says: ["rpc-dns.yaml:2:33: 'zk-2:99999' is no server: expected host:port"],
  },
  ...(
    [
      ['0', "'0': expected at least 1"],
      ['65', "'65': expected at most 64"],
      ['1.5', "'1.5': expected auto, or a whole number from 1 to 64"],
      ['all', "'all': expected auto, or a whole number from 1 to 64"],
      ['"2"', "'2': expected auto, or a whole number from 1 to 64, without quotes"],
      ['[2]', 'expected auto, or a whole number from 1 to 64'],
    ] as const
  ).map(([value, text]) => ({ config: `workers: ${value}\n`, says: [`rpc-dns.yaml:1:10: ${text}`] })),
  {
    config: 'answers: { style: cnames }\n',
    says: ["rpc-dns.yaml:1:19: 'cnames': expected one of cname, flat; did you mean cname?"],
  },
  {
    config: 'answers:\n  ttl: five\n',
    says: ["rpc-dns.yaml:2:8: 'five': expected a number"],
  },
  {
    config: 'answers:\n  ttl: -1\n',
    says: ["rpc-dns.yaml:2:8: '-1': expected at least 0"],
  },
  {
    config: 'answers:\n  ttl: 1.5\n',
    says: ["rpc-dns.yaml:2:8: '1.5': expected a whole number"],
  },
  {
    config: 'answers:\n  ttl: 3000000000\n',
    says: ["rpc-dns.yaml:2:8: '3000000000': expected at most 2147483647"],
  },
  {
    config: 'vips: { reuseAfter: 24 }\n',
    says: ["rpc-dns.yaml:1:21: '24': expected a number with ms, s, m, h or d, such as 24h"],
  },
  {
    config: 'vips: { reuseAfter: "24 hours" }\n',
    says: [
      "rpc-dns.yaml:1:21: '24 hours' is no duration: expected a number with ms, s, m, h or d, such as 24h",
    ],
  },
  {
    config: 'vips: { pools: ["247.0.0.0"] }\n',
    says: ["rpc-dns.yaml:1:17: '247.0.0.0' is no pool: expected ADDRESS/PREFIX such as 247.0.0.0/8"],
  },
  {
    config: 'vips: { pools: ["247.0.0.1/8"] }\n',
    says: ["rpc-dns.yaml:1:17: '247.0.0.1/8' has bits set behind its prefix: did you mean 247.0.0.0/8?"],
  },
  {
    config: 'vips: { pools: ["247.0.0.0/33"] }\n',
    says: ["rpc-dns.yaml:1:17: '247.0.0.0/33': a prefix of at most 32 bits was expected"],
  },
  {
    config: 'vips: { pools: ["247.0.0.0/8", "247.1.0.0/16"] }\n',
    says: ['rpc-dns.yaml:1:32: pool 247.1.0.0/16 overlaps 247.0.0.0/8: remove one of them'],
  },
  {
    config: 'vips: { pools: ["10.0.0.0/32"] }\n',
    says: ['rpc-dns.yaml:1:17: pool 10.0.0.0/32 has no usable address: choose a larger block'],
  },
  {
    config: 'vips: { pools: 247.0.0.0/8 }\n',
    says: ["rpc-dns.yaml:1:16: '247.0.0.0/8': expected a list"],
  },
  {
    config: 'answers: { template: "{package|reverse}.svc" }\n',
    says: ['rpc-dns.yaml:1:22: the template lacks {name}: all interfaces of a package would get one domain'],
  },
  {
    config: 'answers: { template: "{name}.{pakage}.svc" }\n',
    says: [
      "rpc-dns.yaml:1:22: unknown field '{pakage}': expected one of name, package, application, organization, module, environment, namespace, group; did you mean package?",
    ],
  },
  {
    config: 'answers: { template: "{name|up}.svc" }\n',
    says: ["rpc-dns.yaml:1:22: unknown '|up' in the template: expected |reverse or |lower"],
  },
  {
    config: 'answers: { template: "{name}-x.svc" }\n',
    says: [
      "rpc-dns.yaml:1:22: '{name}-x' in the template: expected a {field} or a label of letters, digits and '-'",
    ],
  },
  {
    config: 'listen: { dns: ["localhost:53"] }\n',
    says: ["rpc-dns.yaml:1:17: 'localhost:53': expected ADDRESS:PORT such as 127.0.0.1:5300 or [::1]:5300"],
  },
  {
    config: 'listen: { dns: [] }\n',
    says: ['rpc-dns.yaml:1:16: expected at least 1 entry, found none'],
  },
  {
    config: 'listen: { dns: ["127.0.0.1:99999"], http: 8080 }\n',
    says: [
      "rpc-dns.yaml:1:17: '127.0.0.1:99999': expected ADDRESS:PORT such as 127.0.0.1:5300 or [::1]:5300",
      "rpc-dns.yaml:1:43: '8080': expected ADDRESS:PORT such as 127.0.0.1:5300 or [::1]:5300",
    ],
  },
  {
    config: 'listen: { dns: ["127.0.0.1:53", "127.0.0.1:53"] }\n',
    says: ['rpc-dns.yaml:1:33: the address is there twice'],
  },
  {
    config: 'zone: "a..b"\n',
    says: ["rpc-dns.yaml:1:7: empty label in domain name 'a..b'"],
  },
  {
    config: 'zone: [a.example, A.example.]\n',
    says: ['rpc-dns.yaml:1:19: zone A.example. is there twice'],
  },
  {
    config: 'zone: .\n',
    says: ['rpc-dns.yaml:1:7: the root cannot be a zone of registry names'],
  },
  {
    config: 'zone: 5\n',
    says: ['rpc-dns.yaml:1:7: \'zone\' is a number to YAML: quote it ("5")'],
  },
  {
    config: 'listen: { dns: ["127.0.0.1:${NOPE}"] }\n',
    says: [
      'rpc-dns.yaml:1:17: the environment variable NOPE is not set: set it, or give a default as ${NOPE:-…}',
    ],
  },
  {
    config: 'zone: a.example\nzone: b.example\n',
    says: ["rpc-dns.yaml:2:1: key 'zone' is there twice"],
  },
  {
    config: 'answers:\n\tttl: 5\n',
    says: ['rpc-dns.yaml:2:1: Tabs are not allowed as indentation'],
  },
  {
    config: 'zone: [a.example\n',
    says: [
      'rpc-dns.yaml:2:1: Flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
  },
  {
    config: '- a\n- b\n',
    says: ['rpc-dns.yaml:1:1: expected keys and values, found a list'],
  },
  {
    config: 'hello\n',
    says: ["rpc-dns.yaml:1:1: 'hello': expected keys and values"],
  },
  {
    config: 'answers:\n',
    says: ["rpc-dns.yaml:1:9: 'answers' is empty: expected keys and values"],
  },
  {
    config: 'engine: fast\n',
    says: ["rpc-dns.yaml:1:9: 'fast': expected one of dgram, mmsg, auto"],
  },
  {
    config: 'store: { kind: etcd }\n',
    says: ["rpc-dns.yaml:1:16: 'etcd': expected one of sqlite, kubernetes, memory"],
  },
  {
    config: 'registries:\n  - { kind: kubernetes, namespaces: [Trade] }\n',
    says: ["rpc-dns.yaml:2:38: 'Trade': expected the name of a namespace such as trade"],
  },
  {
    config: 'registries:\n  - { kind: kubernetes, podCIDRs: ["10.244.0.0"] }\n',
    says: [
      "rpc-dns.yaml:2:36: '10.244.0.0' is no block of addresses: expected ADDRESS/PREFIX such as 247.0.0.0/8",
    ],
  },
  {
    config:
      'registries:\n  - { kind: zookeeper, servers: "h:1", join: [west] }\n  - { kind: kubernetes, name: east }\n',
    says: ["rpc-dns.yaml:2:47: 'west' is no registry of kind kubernetes: east"],
  },
  {
    config: 'registries:\n  - { kind: kubernetes, kubeconfig: none.yaml }\n',
    says: ['rpc-dns.yaml:2:37: none.yaml: no such file'],
  },
  {
    config: 'ownership:\n  - { prefix: com.foo., namespaces: [trade] }\n',
    says: ["rpc-dns.yaml:2:15: 'com.foo.': expected a package such as com.foo, without a dot at its ends"],
  },
  {
    config:
      'ownership:\n  - { prefix: com.foo, namespaces: [a] }\n  - { prefix: COM.foo, namespaces: [b] }\n',
    says: ['rpc-dns.yaml:3:15: prefix COM.foo is there twice'],
  },
  {
    config: 'registries: { kind: file, path: x }\n',
    says: ['rpc-dns.yaml:1:13: expected a list, found keys and values'],
  },
  {
    config: 'registries: [{ kind: file, path: nope.yaml }]\n',
    says: ['rpc-dns.yaml:1:34: nope.yaml: no such file'],
  },
  {
    config: 'registries: [{ kind: file, path: good.yaml }, { kind: file, path: good.yaml }]\n',
    says: ['rpc-dns.yaml:1:47: registry file:good.yaml is there twice'],
  },
  {
    config: 'registries: [{ kind: file, path: good.yaml, required: yes }]\n',
    says: ["rpc-dns.yaml:1:55: 'yes': expected true or false"],
  },
  {
    config: 'zone: 5\nanswers: { ttl: x, style: flatt }\nfoo: 1\n',
    says: [
      'rpc-dns.yaml:1:7: \'zone\' is a number to YAML: quote it ("5")',
      "rpc-dns.yaml:2:17: 'x': expected a number",
      "rpc-dns.yaml:2:27: 'flatt': expected one of cname, flat; did you mean flat?",
      "rpc-dns.yaml:3:1: unknown key 'foo': expected one of zone, nameservers, listen, answers, vips, store, zones, registries, ownership, engine, workers, sidecars, localities, lameduck, control, limits",
    ],
  },
  {
    config: 'nameservers: [{ name: "ns..x", addresses: [1.2.3] }]\n',
    says: [
      "rpc-dns.yaml:1:23: empty label in domain name 'ns..x'",
      "rpc-dns.yaml:1:44: '1.2.3' is no IPv4 or IPv6 address",
    ],
  },
  {
    config: 'zone: a.example\n---\nzone: b.example\n',
    says: ['rpc-dns.yaml:2:1: a second YAML document: expected one in a file'],
  },
  {
    config: 'zone: *x\n',
    says: ['rpc-dns.yaml:1:7: alias *x: no anchor &x stands before it'],
  },
  {
    interfaces: 'interfaces:\n  - name: com.foo.A\n    version: 1.0\n',
    says: ['interfaces.yaml:3:14: \'version\' is a number to YAML: quote it ("1.0")'],
  },
  {
    interfaces: 'interfaces:\n  - { name: com.foo.A, version: 2, group: true }\n',
    says: [
      'interfaces.yaml:2:33: \'version\' is a number to YAML: quote it ("2")',
      'interfaces.yaml:2:43: \'group\' is true or false to YAML: quote it ("true")',
    ],
  },
  {
    interfaces: 'interfaces:\n  - { nane: com.foo.A }\n',
    says: [
      "interfaces.yaml:2:5: 'name' is missing: expected a text",
      "interfaces.yaml:2:7: unknown key 'nane': did you mean name?",
    ],
  },
  {
    interfaces: 'interfaces:\n  - { port: 1 }\n',
    says: ["interfaces.yaml:2:5: 'name' is missing: expected a text"],
  },
  {
    interfaces: 'interfaces:\n  - { name: "com..A" }\n  - { name: "com.foo/A" }\n',
    says: [
      "interfaces.yaml:2:13: 'com..A' is no interface name: expected package.Name of letters, digits, _ and $",
      "interfaces.yaml:3:13: 'com.foo/A' is no interface name: expected package.Name of letters, digits, _ and $",
    ],
  },
  {
    interfaces: 'interfaces:\n  - { name: com.foo.A, port: 70000 }\n',
    says: ["interfaces.yaml:2:30: '70000': expected at most 65535"],
  },
  {
    interfaces: 'interfaces:\n  - { name: com.foo.A, endpoints: ["10.0.0.1", "10.0.0.300:1", "h:0"] }\n',
    says: [
      "interfaces.yaml:2:36: '10.0.0.1': expected ADDRESS:PORT or HOST:PORT such as 10.0.0.1:20880 or [fd00::1]:20880",
      "interfaces.yaml:2:48: '10.0.0.300:1': expected ADDRESS:PORT or HOST:PORT such as 10.0.0.1:20880 or [fd00::1]:20880",
      "interfaces.yaml:2:64: 'h:0': expected ADDRESS:PORT or HOST:PORT such as 10.0.0.1:20880 or [fd00::1]:20880",
    ],
  },
  {
    interfaces: 'interfaces:\n  - { name: com.foo.A, vip: 10.0.0 }\n',
    says: ["interfaces.yaml:2:29: '10.0.0' is no IPv4 or IPv6 address"],
  },
  {
    interfaces: 'interfaces:\n  - { name: com.foo.A }\n  - { name: com.foo.A }\n',
    says: ['interfaces.yaml:3:5: com.foo.A is there twice, first at line 2'],
  },
  {
    interfaces: 'interface: []\n',
    says: [
      "interfaces.yaml:1:1: 'interfaces' is missing: expected a list",
      "interfaces.yaml:1:1: unknown key 'interface': did you mean interfaces?",
    ],
  },
  {
    interfaces: 'interfaces: { name: com.foo.A }\n',
    says: ['interfaces.yaml:1:13: expected a list, found keys and values'],
  },
  {
    interfaces: 'interfaces:\n  - { name: com.foo.A, ttl: 30s }\n',
    says: ["interfaces.yaml:2:29: '30s': expected a number"],
  },
  {
    interfaces: 'interfaces:\n  - com.foo.A\n',
    says: ["interfaces.yaml:2:5: 'com.foo.A': expected keys and values"],
  },
  {
    config: 'zones: [nope.zone]\n',
    says: ['rpc-dns.yaml:1:9: nope.zone: no such file'],
  },
  {
    zone: '$TTL 60\n@ SOA ns hostmaster 1 2 3 4 5\n  NS ns\nns A 10.0.0.300\nx AA 10.0.0.1\n',
    says: [
      "a.zone:2:1: an owner name '@' is relative, but no origin is known: end it with a dot, or add $ORIGIN",
      "a.zone:3:6: a name server 'ns' is relative, but no origin is known: end it with a dot, or add $ORIGIN",
      "a.zone:4:1: an owner name 'ns' is relative, but no origin is known: end it with a dot, or add $ORIGIN",
      "a.zone:5:1: an owner name 'x' is relative, but no origin is known: end it with a dot, or add $ORIGIN",
    ],
  },
  {
    config: 'zones: ["*.zone"]\nanswers: { ttl: x }\n',
    zone: 'a.example. 60 IN SOA ns.a.example. h.a.example. 1 2 3 4 5\n',
    says: ["rpc-dns.yaml:2:17: 'x': expected a number"],
  },
  {
    config: 'zones: ["*.zone"]\n',
    zone: 'a.example. 60 IN SOA ns.a.example. h.a.example. 1 2 3 4 5\n',
    says: ['a.zone:1:1: no NS record at a.example.: a zone needs one at its apex'],
  },
];

/** Runs `check` in a folder of the row's own. */
function checked(row: Row, folder: string): { status: number; says: string[] } {
  mkdirSync(folder, { recursive: true });
  const config =
    row.config ??
    (row.interfaces === undefined
      ? 'zones: [a.zone]\n'
      : 'registries: [{ kind: file, path: interfaces.yaml }]\n');
  writeFileSync(join(folder, 'rpc-dns.yaml'), config);
  writeFileSync(join(folder, 'good.yaml'), 'interfaces: []\n');
  if (row.interfaces !== undefined) writeFileSync(join(folder, 'interfaces.yaml'), row.interfaces);
  if (row.zone !== undefined) writeFileSync(join(folder, 'a.zone'), row.zone);
  const says: string[] = [];
  const before = process.cwd();
  process.chdir(folder);
  try {
    const status = check('rpc-dns.yaml', [], {}, { out: () => {}, err: (text) => says.push(text) });
    return { status, says };
  } finally {
    process.chdir(before);
  }
}

test('the table is as long as it should be', () => assert.ok(ROWS.length >= 40));

for (const [i, row] of ROWS.entries()) {
  const title = JSON.stringify(row.config ?? row.interfaces ?? row.zone).slice(0, 90);
  test(`${i + 1}: ${title}`, () => {
    const { status, says } = checked(row, join(tempFolder('config'), String(i)));
    assert.deepEqual(says, row.says);
    assert.equal(status, 2);
  });
}

const EMPTY =
  "the configuration is empty: expected keys and values; for nothing but defaults write 'zone: rpc.cluster.local'";

for (const config of [
  '',
  ' \n\t\n',
  '# zone: a.example\n',
  '{}',
  '{ }\n# x\n',
  'null\n',
  '~\n',
  '---\n',
  '---\n...\n',
  '\ufeff',
]) {
  test(`a configuration without content is none: ${JSON.stringify(config)}`, () => {
    const { status, says } = checked({ config, says: [] }, tempFolder('config'));
    assert.deepEqual({ status, says }, { status: 2, says: [`rpc-dns.yaml:1:1: ${EMPTY}`] });
  });
}

test('several empty documents are none either', () => {
  const { status, says } = checked({ config: '---\n---\n', says: [] }, tempFolder('config'));
  assert.deepEqual(
    { status, says },
    { status: 2, says: ['rpc-dns.yaml:2:1: a second YAML document: expected one in a file'] },
  );
});

test('one key is content enough: the rest has defaults', () => {
  const { status, says } = checked({ config: 'zone: rpc.cluster.local\n', says: [] }, tempFolder('config'));
  assert.deepEqual({ status, says }, { status: 0, says: [] });
});

test('serve says the same, all of it, and ends with status 2', async () => {
  const folder = tempFolder('config');
  writeFileSync(join(folder, 'rpc-dns.yaml'), 'zone: 5\nanswers: { ttl: x, style: flatt }\n');
  const main = resolve(import.meta.dirname, '../../src/main.ts');
  const run = await runToEnd(process.execPath, [main, 'serve'], { cwd: folder });
  assert.deepEqual(run.stderr.trim().split('\n'), [
    'rpc-dns.yaml:1:7: \'zone\' is a number to YAML: quote it ("5")',
    "rpc-dns.yaml:2:17: 'x': expected a number",
    "rpc-dns.yaml:2:27: 'flatt': expected one of cname, flat; did you mean flat?",
  ]);
  assert.equal(run.code, 2);
});

test('no configuration at all is said in one line', async () => {
  const main = resolve(import.meta.dirname, '../../src/main.ts');
  const run = await runToEnd(process.execPath, [main, 'serve'], { cwd: tempFolder('config') });
  assert.equal(run.stderr, 'rpc-dns.yaml:1:1: no such file\n');
  assert.equal(run.code, 2);
});
