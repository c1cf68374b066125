/** `corefile --check`: what a pod asks, and what is made of the replies. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Style } from '../../src/corefile/options.ts';
import { type Ask, candidates, podLookup, type Reply, searchList } from '../../src/corefile/pod-lookup.ts';
import { type Finding, type Findings, judge, resultText } from '../../src/corefile/verdict.ts';

const Z = 'rpc.cluster.local';
const DOMAINS = { zones: [Z], clusterDomain: 'cluster.local' };
const LIST = searchList('default', 'cluster.local', ['ec2.internal']);
const VIP = '247.1.2.3';
const NAME = 'com.foo.UserService';

const reply = (rcode: string | undefined, soa?: string, ...addresses: string[]): Reply => ({
  rcode,
  addresses,
  soa,
  errors: [],
});
const ANSWER = reply('NOERROR', undefined, VIP);
const NODATA = reply('NOERROR', Z);
const BY_RPC_DNS = reply('NXDOMAIN', Z);
const BY_KUBERNETES = reply('NXDOMAIN', 'cluster.local');
const BY_ROOT = reply('NXDOMAIN', '');
const SILENCE = reply(undefined);

suite('what glibc asks at ndots 5', () => {
  test('the search list first, or the name first when it has five dots', () => {
    const [first = '', second = '', third = '', fourth = ''] = LIST;
    assert.deepEqual(candidates(NAME, LIST), [
      ...[first, second, third, fourth].map((domain) => `${NAME}.${domain}`),
      NAME,
    ]);
    assert.equal(candidates('a.b.c.d.e.F', LIST)[0], 'a.b.c.d.e.F');
    assert.equal(candidates('a.b.c.d.e.F', LIST).length, 5);
    assert.deepEqual(candidates(`${NAME}.`, LIST), [NAME]);
  });

  const scripted = async (...replies: readonly Reply[]) => {
    const left = [...replies];
    const ask: Ask = async (_name, type) => (type === 'A' ? (left.shift() ?? SILENCE) : NODATA);
    return podLookup(NAME, LIST, DOMAINS, ask);
  };

  test('NXDOMAIN, no data and SERVFAIL lead to the next name; an answer ends the list', async () => {
    const steps = await scripted(BY_KUBERNETES, NODATA, reply('SERVFAIL'), ANSWER);
    assert.equal(steps.length, 4);
  });

  test('REFUSED and silence end it too', async () => {
    assert.equal((await scripted(BY_KUBERNETES, reply('REFUSED'))).length, 2);
    assert.equal((await scripted(SILENCE)).length, 1);
  });

  test('who denied is told by the SOA', async () => {
    const [one, two, three, four] = await scripted(BY_RPC_DNS, BY_KUBERNETES, BY_ROOT, reply('NXDOMAIN'));
    const sources = [one, two, three, four].map((step) => {
      const [a] = step?.outcomes ?? [];
      return a?.kind === 'denied' ? a.by : a?.kind;
    });
    assert.deepEqual(sources, ['rpc-dns', 'Kubernetes', 'elsewhere', 'elsewhere']);
  });
});

suite('the verdict', () => {
  /** A cluster in which each name that is asked gets what the function says, for A; AAAA has no data. */
  const findings = async (answer: (name: string) => Reply): Promise<Findings> => {
    const ask: Ask = async (name, type) => {
      const found = answer(name);
      return type === 'AAAA' && found.addresses.length > 0 ? NODATA : found;
    };
    const find = async (
      what: string,
      name: string,
      vips: Finding['vips'],
      isKubernetes = false,
    ): Promise<Finding> => ({
      what,
      name,
      vips,
      isKubernetes,
      steps: await podLookup(name, LIST, DOMAINS, ask),
    });
    return {
      full: [await find('full name', `${NAME}.${Z}.`, [VIP])],
      short: [await find('full, few dots', `user-center.app.${Z}`, [])],
      bare: [
        await find('bare name', NAME, [VIP]),
        ...(await Promise.all(
          LIST.map((domain, i) => find('… searched', `${NAME}.${domain}.`, [VIP], i === 1)),
        )),
        await find('bare, five dots', 'com.foo.a.b.c.None', undefined),
      ],
      services: [await find('Service', 'kubernetes.default.svc.cluster.local.', [])],
    };
  };

  const isService = (name: string) => name === 'kubernetes.default.svc.cluster.local';
  const SERVICE = reply('NOERROR', undefined, '10.96.0.1');

  /** As the texts of `shared` and `view` make it. */
  const good = (name: string): Reply => {
    if (isService(name)) return SERVICE;
    if (name.startsWith('com.foo.a.b.c.None')) return BY_RPC_DNS;
    if (name === `${NAME}.svc.cluster.local`) return BY_KUBERNETES;
    return ANSWER;
  };

  /** CoreDNS with no word of rpc-dns in it. */
  const bareCluster = (name: string): Reply => {
    if (isService(name)) return SERVICE;
    return name.endsWith('.cluster.local') ? BY_KUBERNETES : BY_ROOT;
  };

  /** With the block of style `stub`. */
  const stubbed = (name: string): Reply => (name.endsWith(`.${Z}`) ? ANSWER : bareCluster(name));

  const verdict = async (style: Style, answer: (name: string) => Reply) => {
    const found = await findings(answer);
    const { isGood, lines } = judge(style, found, ['com.foo']);
    return { isGood, text: lines.join('\n'), found };
  };

  test('good where everything resolves at once', async () => {
    for (const style of ['shared', 'view', 'stub'] as const) {
      const { isGood, text } = await verdict(style, good);
      assert.ok(isGood, text);
      assert.match(text, /^good: /m);
    }
  });

  test('a cluster without rpc-dns: full names end at kubernetes, bare ones leak', async () => {
    const { isGood, text, found } = await verdict('view', bareCluster);
    assert.ok(!isGood);
    assert.match(text, /^full names +.*denied by Kubernetes: .*fallthrough/m);
    assert.match(
      text,
      new RegExp(`^bare names +leak \\(${NAME}\\.ec2\\.internal, ${NAME}\\): .*rewrite lines`, 'm'),
    );
    assert.match(text, /^Service names +good/m);
    assert.match(text, /^bad: /m);
    assert.match(
      resultText(found.bare[0] as Finding),
      /denied by the root servers after 5 questions .*; leaked: /,
    );
  });

  test('stub: full names suffice, and bare names are reported', async () => {
    const { isGood, text } = await verdict('stub', stubbed);
    assert.ok(isGood, text);
    assert.match(text, /^bare names +leak .*\(style stub has none\)/m);
    assert.ok(!(await verdict('shared', stubbed)).isGood, 'shared promises more');
  });

  for (const [what, change, wanted] of [
    ['a zone that is forwarded upstream', BY_ROOT, /^full names +leak .*forward line/m],
    ['rpc-dns out of reach', reply('SERVFAIL'), /^full names +SERVFAIL .*does not reach/m],
    ['a refusal', reply('REFUSED'), /^full names +REFUSED .*max_concurrent/m],
    ['silence', SILENCE, /^full names +no answer .*failfast_all_unhealthy_upstreams/m],
    [
      'another address',
      reply('NOERROR', undefined, '192.0.2.1'),
      /^full names +.* is 192\.0\.2\.1, not 247\.1\.2\.3/m,
    ],
    ['a denial by rpc-dns', BY_RPC_DNS, /^full names +.* is denied, though it is registered/m],
  ] as const) {
    test(`${what} is told, with a remedy`, async () => {
      const { isGood, text } = await verdict('shared', (name) =>
        name === `${NAME}.${Z}` ? change : good(name),
      );
      assert.ok(!isGood);
      assert.match(text, wanted);
    });
  }

  test('a wildcard in a search domain takes bare names away', async () => {
    const { isGood, text } = await verdict('shared', (name) => {
      return name.endsWith('.ec2.internal') ? reply('NOERROR', undefined, '192.0.2.1') : good(name);
    });
    assert.ok(!isGood);
    assert.match(text, /^bare names +.*wildcard in a search domain/m);
  });

  test('a bare name that resolves with its last question only is no success', async () => {
    const { isGood, text } = await verdict('shared', (name) => {
      return name.startsWith(`${NAME}.default`) ? BY_KUBERNETES : good(name);
    });
    assert.ok(!isGood);
    assert.match(text, /^bare names +.*took 3 questions/m);
  });

  test('Service names that fail are bad with any style', async () => {
    for (const style of ['shared', 'view', 'stub'] as const) {
      const { isGood, text } = await verdict(style, (name) =>
        isService(name) ? reply('SERVFAIL') : good(name),
      );
      assert.ok(!isGood);
      assert.match(text, /^Service names +kubernetes\.default.* SERVFAIL/m);
    }
  });

  test('a made-up name has to be denied by rpc-dns', async () => {
    const found = await findings(good);
    const [none] = found.bare.slice(-1);
    assert.match(resultText(none as Finding), /^denied by rpc-dns after 5 questions/);
    const { text, isGood } = await verdict('shared', (name) =>
      name.includes('None') ? BY_KUBERNETES : good(name),
    );
    assert.ok(!isGood, text);
    const wild = await verdict('shared', (name) => (name.includes('None') ? ANSWER : good(name)));
    assert.match(wild.text, /^bare names +.*though it is made up: somebody else answers/m);
  });
});
