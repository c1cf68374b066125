import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Address, addressText, isIpv4, parseAddress } from '../name/address.ts';
import { type DomainName, fits, join, parseDomainName, prefixOf, toShortText } from '../name/domain-name.ts';
import { protocolLabel } from '../name/labels.ts';
import { poolContains } from '../vip/pool.ts';
import { rcodeText } from '../wire/message.ts';
import type { ReadMessage } from '../wire/read-message.ts';
import { TYPE, typeText } from '../zone/types.ts';
import { type Asked, askDns, type Question } from './ask-dns.ts';
import { reachable } from './check-ports.ts';
import { connectTcp } from './connect-tcp.ts';
import { isOwnNameserver } from './own-addresses.ts';
import { namesAsked, parseResolvConf } from './resolv-conf.ts';
import { type Route, routeTo } from './route-to.ts';
import {
  type Check,
  finding,
  good,
  hostPort,
  inMs,
  type Seen,
  type Specimen,
  type Surroundings,
  warning,
} from './surroundings.ts';

const SYSTEM_FILE = '/etc/resolv.conf';
const DNS_PORT = 53;
const MAX_NAMESERVERS = 3;

/** One name, step by step: the system's resolver, each nameserver, rpc-dns itself, the VIP. */
export const checkWay: Check = {
  title: 'name',
  async look(surroundings) {
    const { specimen } = surroundings;
    if (specimen === undefined) {
      return [
        warning('no interface is known whose name could be followed', 'give one: --name com.foo.UserService'),
      ];
    }
    const name = parseDomainName(specimen.full);
    if (!name.ok)
      return [finding(`${specimen.full}: ${name.reason}`, 'give another name: --name com.foo.UserService')];
    const question = { name: name.value, type: usualType(specimen) };
    const [direct, port, answers, system] = await Promise.all([
      askDirectly(question, surroundings),
      askPort(name.value, specimen, surroundings),
      askNameservers(question, surroundings),
      askSystem(specimen.full, surroundings),
    ]);
    const vips = direct.addresses.length > 0 ? direct.addresses : (specimen.known?.vips ?? []);
    const nameservers = answers.map((answer, i) => {
      const isForm = i === 0 && !isOwnNameserver(answer.address, surroundings.config);
      return nameserverSeen(answer, question, vips, isForm);
    });
    const areGood = nameservers.every(({ state }) => state === 'ok');
    const [bare, vip] = await Promise.all([
      areGood ? lookAtBare(specimen, vips, surroundings) : [],
      lookAtVip(vips, port, specimen, surroundings),
    ]);
    return [...systemSeen(system, specimen.full, areGood), ...nameservers, ...bare, ...direct.seen, ...vip];
  },
};

/** What its SRV record says: behind a Kubernetes Service that is the Service's port, not the registered one. */
async function askPort(
  name: DomainName,
  { known }: Specimen,
  { config, timeoutMs }: Surroundings,
): Promise<number | undefined> {
  const [listen] = config.listen.dns;
  const labels = known === undefined ? undefined : prefixOf(protocolLabel(known.protocol), '_tcp');
  if (listen === undefined || labels === undefined || !fits(labels, name)) return known?.port;
  const asked = await askDns(
    'udp',
    reachable(listen),
    { name: join(labels, name), type: TYPE.SRV },
    timeoutMs,
  );
  const records = asked.kind === 'answered' ? asked.reply.answer : [];
  const srv = records.find(({ type }) => type === TYPE.SRV)?.rdata;
  // RFC 2782: priority, weight, port
  return srv === undefined ? known?.port : (srv.charCodeAt(4) << 8) | srv.charCodeAt(5);
}

/** A, unless its VIPs are of IPv6 alone. */
function usualType({ known }: Specimen): number {
  const vips = known?.vips ?? [];
  return vips.length > 0 && !vips.some(isIpv4Text) ? TYPE.AAAA : TYPE.A;
}

/** What the system's resolver says, or why it says nothing. */
type SystemAnswer =
  | { readonly addresses: readonly string[]; readonly milliseconds: number }
  | { readonly failure: string };

/** It reads its own file: another one cannot be tried with it. */
async function askSystem(
  name: string,
  { resolvConf, timeoutMs }: Surroundings,
): Promise<SystemAnswer | undefined> {
  if (resolvConf.path !== SYSTEM_FILE) return undefined;
  const start = performance.now();
  return Promise.race([
    lookup(`${name}.`, { all: true, verbatim: true }).then(
      (all) => {
        return { addresses: all.map(({ address }) => address), milliseconds: performance.now() - start };
      },
      (error: NodeJS.ErrnoException) => ({ failure: error.code ?? error.message }),
    ),
    sleep(timeoutMs, { failure: `no answer within ${timeoutMs} ms` }, { ref: false }),
  ]);
}

function systemSeen(
  found: SystemAnswer | undefined,
  name: string,
  areNameserversGood: boolean,
): readonly Seen[] {
  if (found === undefined) return [];
  if ('addresses' in found) {
    return [good(`the system's resolver says ${found.addresses.join(' ')} in ${inMs(found.milliseconds)}`)];
  }
  const text = `the system's resolver does not find ${name} (${found.failure})`;
  return areNameserversGood
    ? [
        finding(
          `${text}, though its nameservers do`,
          'something stands between: look at the hosts line of /etc/nsswitch.conf, at nscd and at systemd-resolved (resolvectl query)',
        ),
      ]
    : [warning(text, 'it goes by the nameservers: mend those')];
}

interface Direct {
  readonly seen: readonly Seen[];
  readonly addresses: readonly string[];
}

async function askDirectly(question: Question, surroundings: Surroundings): Promise<Direct> {
  const [listen] = surroundings.config.listen.dns;
  if (listen === undefined) return { seen: [], addresses: [] };
  const asked = await askDns('udp', reachable(listen), question, surroundings.timeoutMs);
  const at = `rpc-dns at ${hostPort(reachable(listen))}`;
  if (asked.kind !== 'answered') {
    return { seen: [warning(`${at} ${failureText(asked)}`, 'ports says why')], addresses: [] };
  }
  const addresses = addressesOf(asked.reply);
  const text = `${at} says ${replyText(question.name, asked.reply)} in ${inMs(asked.milliseconds)}`;
  if (addresses.length > 0) return { seen: [good(text)], addresses };
  const name = toShortText(question.name);
  const errors = asked.reply.errors.map((error) => error.text).filter((one) => one !== '');
  const why = errors.length === 0 ? '' : `: ${errors.join('; ')}`;
  return {
    seen: [
      finding(
        `${text}${why}`,
        `rpc-dns lookup ${name} -c ${surroundings.configFile} says whose it is, why, and what may have been meant`,
      ),
    ],
    addresses,
  };
}

interface NameserverAnswer {
  readonly address: string;
  readonly asked: Asked;
}

function askNameservers(question: Question, surroundings: Surroundings): Promise<NameserverAnswer[]> {
  const { resolvConf, timeoutMs } = surroundings;
  const { nameservers } = parseResolvConf(resolvConf.text.ok ? resolvConf.text.value : '');
  const addresses = nameservers.filter((one) => isIP(one) !== 0).slice(0, MAX_NAMESERVERS);
  return Promise.all(
    addresses.map(async (address) => {
      return { address, asked: await askDns('udp', { host: address, port: DNS_PORT }, question, timeoutMs) };
    }),
  );
}

/** @param isForm the check of its form tells of it already */
function nameserverSeen(
  { address, asked }: NameserverAnswer,
  question: Question,
  vips: readonly string[],
  isForm: boolean,
): Seen {
  const problem = (text: string, remedy: string) => {
    return isForm ? warning(text, 'cluster DNS says why') : finding(text, remedy);
  };
  const at = `nameserver ${address}`;
  if (asked.kind !== 'answered') {
    return problem(
      `${at} ${failureText(asked)}`,
      'resolvers wait for it before they ask the next: start it, let its port 53 through, or take it out of resolv.conf',
    );
  }
  const addresses = addressesOf(asked.reply);
  const text = `${at} says ${replyText(question.name, asked.reply)} in ${inMs(asked.milliseconds)}`;
  if (addresses.length === 0) {
    return problem(
      text,
      'it was not told where the zone is: forward the zone to rpc-dns (rpc-dns corefile --style stub), as resolvers believe the first answer',
    );
  }
  if (vips.length === 0 || addresses.some((one) => vips.includes(one))) return good(text);
  return problem(
    `${text}, not ${vips.join(' ')}`,
    'somebody else answers: a wildcard, another rpc-dns, or an older answer that it still holds',
  );
}

/**
 * The name as it stands in the code: which of the names that resolvers make of it is found. Not everybody wants it to be:
 * with `corefile --style stub` programs ask for full names.
 */
async function lookAtBare(
  specimen: Specimen,
  vips: readonly string[],
  { resolvConf, timeoutMs }: Surroundings,
): Promise<readonly Seen[]> {
  const { bare, full } = specimen;
  const conf = parseResolvConf(resolvConf.text.ok ? resolvConf.text.value : '');
  const [host] = conf.nameservers;
  if (host === undefined || bare === full) return [];
  const candidates = namesAsked(bare, conf);
  for (const [i, candidate] of candidates.entries()) {
    const name = parseDomainName(candidate);
    if (!name.ok) continue;
    const asked = await askDns(
      'udp',
      { host, port: DNS_PORT },
      { name: name.value, type: usualType(specimen) },
      timeoutMs,
    );
    if (asked.kind !== 'answered') break;
    const addresses = addressesOf(asked.reply);
    if (!addresses.some((address) => vips.includes(address))) continue;
    return [good(`bare ${bare} is found as ${candidate}, question ${i + 1} of ${candidates.length}`)];
  }
  return [
    good(
      `bare ${bare} is not found: programs have to ask for ${full}, unless corefile --style shared or view is used`,
    ),
  ];
}

function failureText(asked: Exclude<Asked, { kind: 'answered' }>): string {
  switch (asked.kind) {
    case 'refused':
      return 'refuses: nobody listens there';
    case 'silent':
      return 'says nothing';
    case 'unreachable':
      return `cannot be reached (${asked.code})`;
    case 'garbled':
      return 'sends what is no reply';
  }
}

function addressesOf({ answer }: ReadMessage): string[] {
  return answer.flatMap(({ type, rdata }) =>
    type === TYPE.A || type === TYPE.AAAA ? addressText(rdata as string as Address) : [],
  );
}

/** `CNAME UserService.foo.com.svc.rpc.cluster.local, A 247.1.2.3` */
function replyText(name: DomainName, { rcode, answer, authority }: ReadMessage): string {
  const parts = answer.flatMap(({ type, rdata }) => {
    if (type === TYPE.CNAME) return [`CNAME ${toShortText(rdata as string as DomainName)}`];
    if (type === TYPE.A || type === TYPE.AAAA)
      return [`${typeText(type)} ${addressText(rdata as string as Address)}`];
    return [];
  });
  if (parts.length > 0) return parts.join(', ');
  const soa = authority.find(({ type }) => type === TYPE.SOA)?.name;
  const by = soa === undefined ? '' : ` by ${soa === '\0' ? 'the root' : toShortText(soa)}`;
  const what = rcode === 0 ? 'NOERROR without an address' : rcodeText(rcode);
  return `${what}${by} to ${toShortText(name)}`;
}

/** Whether what callers are sent to takes their connections. */
async function lookAtVip(
  vips: readonly string[],
  port: number | undefined,
  specimen: Specimen,
  surroundings: Surroundings,
): Promise<readonly Seen[]> {
  const { timeoutMs } = surroundings;
  const vip = vips.find((one) => isIpv4Text(one)) ?? vips[0];
  if (vip === undefined) return [];
  const route = await routeTo(vip, timeoutMs);
  if (port === undefined) {
    const text = `VIP ${vip}: ${route.text}; no port is registered to connect to`;
    return [route.isLocal ? good(text) : warning(text, remedyOf(vip, route, specimen, surroundings))];
  }
  const what = surroundings.config.answers.address === 'endpoints' ? 'provider' : 'VIP';
  const at = `${what} ${hostPort({ host: vip, port })}`;
  const connected = await connectTcp({ host: vip, port }, timeoutMs);
  const remedy = () => remedyOf(vip, route, specimen, surroundings);
  switch (connected.kind) {
    case 'connected':
      return [good(`${at} takes connections in ${inMs(connected.milliseconds)}; ${route.text}`)];
    case 'refused':
      return [
        finding(
          `${at} refuses, ${route.text}: nothing listens there`,
          route.isLocal && specimen.known?.behind === undefined
            ? `start the sidecar, and let it listen on port ${port} of ${vip}, or of all addresses`
            : remedy(),
        ),
      ];
    case 'silent':
      return [finding(`${at} says nothing, ${route.text}: connections go where nobody takes them`, remedy())];
    case 'unreachable':
      return [finding(`${at} cannot be reached (${connected.code}), ${route.text}`, remedy())];
  }
}

function isIpv4Text(text: string): boolean {
  const address = parseAddress(text);
  return address !== undefined && isIpv4(address);
}

function remedyOf(vip: string, route: Route, { known }: Specimen, { config }: Surroundings): string {
  if (config.answers.address === 'endpoints') {
    return 'answers.address: endpoints sends callers to the providers themselves: see that this one runs, and that nothing keeps callers from it';
  }
  if (known?.behind !== undefined) {
    return `it is the ClusterIP of Service ${known.behind}: see that this machine has kube-proxy or its like, and that the Service has endpoints (kubectl get endpointslices) and this port`;
  }
  const address = parseAddress(vip);
  const pool =
    address === undefined ? undefined : config.vips.pools.find((one) => poolContains(one, address));
  if (pool === undefined) {
    return `it is a pin: whoever has ${vip} has to listen there, and this machine needs a route to it`;
  }
  const family = pool.family === 6 ? '-6 ' : '';
  const way = route.isLocal
    ? ''
    : `ip ${family}route add local ${pool.text} dev lo, or the sidecar's redirect rules; then `;
  return `where callers run, ${pool.text} has to lead to their sidecar: ${way}the sidecar listens on the port. If this is not such a machine, run doctor on one`;
}
