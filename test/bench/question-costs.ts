/**
 * What one question costs the query thread, however it was made to cost much: `npm run bench -- costs`.
 *
 * In process, without sockets: the octets of a query to those of its reply. Cold: no reply is held ready.
 */
import { House } from '../support/house.ts';
import { parseQuestion, queryOctets } from '../support/question.ts';
import { quantile } from './report.ts';

const ROUNDS = 60;
const LONG = 'com.foo.'.repeat(12);

interface Load {
  readonly title: string;
  readonly maxRecords: number;
  readonly style?: 'flat';
  readonly interfaces: readonly object[];
  readonly questions: readonly string[];
}

function instances(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}:20880`);
}

function wide(name: string, count: number): object {
  return { name, protocol: 'dubbo', port: 20880, endpoints: instances(count) };
}

function many(count: number): object[] {
  return Array.from({ length: count }, (_, i) => ({
    name: `com.foo.Service${i}`,
    application: 'shop',
    port: 1,
  }));
}

const ENDPOINTS = ['_endpoints.Wide.x.com.svc.rpc.test. A', '_endpoints.Wide.x.com.svc.rpc.test. SRV'];

const LOADS: readonly Load[] = [
  {
    title: '512 instances',
    maxRecords: 512,
    interfaces: [wide('com.x.Wide', 512)],
    questions: [...ENDPOINTS, '10-0-1-255._endpoints.Wide.x.com.svc.rpc.test. A'],
  },
  {
    title: '4,096 instances, maxRecords 512',
    maxRecords: 512,
    interfaces: [wide('com.x.Wide', 4096)],
    questions: ENDPOINTS,
  },
  {
    title: '4,096 instances, maxRecords 2048',
    maxRecords: 2048,
    interfaces: [wide('com.x.Wide', 4096)],
    questions: ENDPOINTS,
  },
  {
    title: '600 instances, long names',
    maxRecords: 2048,
    interfaces: [wide(`${LONG}Wide`, 600)],
    questions: [`_endpoints.${LONG}Wide.rpc.test. SRV`],
  },
  {
    title: '100,000 interfaces of one application',
    maxRecords: 512,
    interfaces: many(100_000),
    questions: ['shop.app.rpc.test. A', '_dubbo._tcp.rpc.test. PTR'],
  },
];

/** Prints a Markdown table of microseconds. */
export async function benchQuestionCosts(say: (line: string) => void): Promise<void> {
  const rows: string[] = [];
  for (const { title, maxRecords, interfaces, questions } of LOADS) {
    say(`${title} …`);
    const house = await House.open({
      config: `zone: rpc.test\nanswers: { maxRecords: ${maxRecords} }\nregistries: [{ kind: file, path: a }]\n`,
    });
    await house.deliver(JSON.stringify({ interfaces }));
    for (const text of questions) {
      for (const transport of ['udp', 'tcp'] as const)
        rows.push(`| ${title} | ${text} | ${transport} | ${costs(house, text, transport)} |`);
    }
  }
  console.log('| with | question | over | records | cold p50, µs | cold p99, µs | held, µs |');
  console.log('|---|---|---|--:|--:|--:|--:|');
  for (const row of rows) console.log(row);
}

function costs(house: House, text: string, transport: 'udp' | 'tcp'): string {
  const { name, type, options } = parseQuestion(text);
  const query = queryOctets(name, type, options);
  const microseconds = (isCold: boolean) => {
    const taken: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      if (isCold) house.line.ready.clear();
      const startedAt = performance.now();
      house.line.handle(query, transport);
      taken.push((performance.now() - startedAt) * 1_000);
    }
    // the first ones run code that is not compiled yet
    return taken.slice(ROUNDS / 3);
  };
  const cold = microseconds(true);
  const held = microseconds(false);
  const reply = house.line.handle(query, transport);
  const records = `${reply.readUInt16BE(6)} + ${reply.readUInt16BE(10)}${(reply[2] as number) & 2 ? ', TC' : ''}`;
  return [
    records,
    quantile(cold, 0.5).toFixed(0),
    quantile(cold, 0.99).toFixed(0),
    quantile(held, 0.5).toFixed(1),
  ].join(' | ');
}
