import type { MessageJson } from '../api/message-json.ts';
import type { Style } from '../corefile/options.ts';
import { type Ask, type Domains, podLookup, type Reply, searchList } from '../corefile/pod-lookup.ts';
import { type Finding, type Findings, judge, resultText } from '../corefile/verdict.ts';
import type { HostPort } from '../files/fields.ts';
import { type Output, STATUS } from './output.ts';
import { askServer } from './query-server.ts';

/** A name to ask for. */
export interface Specimen {
  readonly name: string;
  /** as in {@link Finding} */
  readonly vips: readonly string[] | undefined;
}

/** What is asked for in every form. */
export interface Specimens {
  readonly interface: Specimen;
  /** relative to a zone, with few dots, such as `user-center.app` */
  readonly short: Specimen | undefined;
  /** an interface of five dots or more */
  readonly long: Specimen;
}

export interface CheckOptions extends Domains {
  readonly style: Style;
  readonly search: readonly string[];
  readonly packages: readonly string[];
}

const NAMESPACE = 'default';

/** `corefile --check`: asks a live CoreDNS as a pod would, and says what works. */
export async function checkCoredns(
  address: HostPort,
  specimens: Specimens,
  options: CheckOptions,
  output: Output,
): Promise<number> {
  const list = searchList(NAMESPACE, options.clusterDomain, options.search);
  const findings = await lookAsPod(address, specimens, list, options);
  const rows = Object.values(findings).flat();
  const [widthOfWhat, widthOfName] = [columnWidth(rows, 'what'), columnWidth(rows, 'name')];
  output.out(
    `asked ${address.host} port ${address.port} as a pod of namespace ${NAMESPACE}: search ${list.join(' ')}, ndots 5`,
  );
  if (specimens.interface.vips === undefined) {
    output.out('no interface is known: a made-up one was asked, which rpc-dns has to deny');
  }
  for (const row of rows) {
    output.out(`${row.what.padEnd(widthOfWhat)}  ${row.name.padEnd(widthOfName)}  ${resultText(row)}`);
  }
  const verdict = judge(options.style, findings, options.packages);
  output.out('');
  for (const line of verdict.lines) output.out(line);
  return verdict.isGood ? STATUS.ok : STATUS.badInput;
}

/**
 * Asks for every specimen as a pod would.
 *
 * @param list its search list
 * @param timeoutMs for each question; default: that of `lookup --server`
 */
export async function lookAsPod(
  address: HostPort,
  specimens: Specimens,
  list: readonly string[],
  options: Domains,
  timeoutMs?: number,
): Promise<Findings> {
  const ask: Ask = async (question, type) => {
    return replyOf(await askServer(address, question, type, true, timeoutMs));
  };
  const find = async (
    what: string,
    name: string,
    vips: Specimen['vips'],
    isKubernetes = false,
  ): Promise<Finding> => {
    return { what, name, steps: await podLookup(name, list, options, ask), vips, isKubernetes };
  };
  const { interface: one, short, long } = specimens;
  const { zones, clusterDomain } = options;
  const [full, few, bare, services] = await Promise.all([
    Promise.all(zones.map((zone) => find('full name', `${one.name}.${zone}.`, one.vips))),
    Promise.all(
      short === undefined
        ? []
        : zones.map((zone) => find('full, few dots', `${short.name}.${zone}`, short.vips)),
    ),
    Promise.all([
      find('bare name', one.name, one.vips),
      ...list.map((domain) => {
        return find('… searched', `${one.name}.${domain}.`, one.vips, domain === `svc.${clusterDomain}`);
      }),
      find('bare, five dots', long.name, long.vips),
    ]),
    Promise.all([
      find('Service', `kubernetes.default.svc.${clusterDomain}.`, []),
      find('Service, few dots', 'kubernetes.default', []),
    ]),
  ]);
  return { full, short: few, bare, services };
}

function columnWidth(rows: readonly Finding[], column: 'what' | 'name'): number {
  return Math.max(...rows.map((row) => row[column].length));
}

function replyOf(result: Awaited<ReturnType<typeof askServer>>): Reply {
  if (!result.ok) return { rcode: undefined, addresses: [], soa: undefined, errors: [result.reason] };
  const { rcode, answer, authority, errors } = result.value;
  const soa = authority.map((record) => record.split('\t')).find((fields) => fields[3] === 'SOA');
  return {
    rcode,
    addresses: addressesIn(answer),
    soa: soa?.[0]?.toLowerCase().replace(/\.$/, ''),
    errors,
  };
}

/** The addresses of an answer section. */
export function addressesIn(answer: MessageJson['answer']): string[] {
  const fields = answer.map((record) => record.split('\t'));
  return fields.flatMap(([, , , type, data]) => (type === 'A' || type === 'AAAA' ? [data ?? ''] : []));
}
