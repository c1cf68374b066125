import { type Finding, judge, resultText } from '../corefile/verdict.ts';
import { isOwnNameserver } from './own-addresses.ts';
import { isPodSearch, parseResolvConf } from './resolv-conf.ts';
import { type Check, finding, good, type Seen, type Surroundings, warning } from './surroundings.ts';

const DNS_PORT = 53;

/** Whether the DNS that resolvers ask was told of rpc-dns: what `corefile --check` looks at, for full names. */
export const checkForm: Check = {
  title: 'cluster DNS',
  async look(surroundings) {
    const { resolvConf, config } = surroundings;
    if (!resolvConf.text.ok) return [];
    const conf = parseResolvConf(resolvConf.text.value);
    const [address] = conf.nameservers;
    if (address === undefined) return [];
    if (isOwnNameserver(address, config)) {
      return [
        warning(
          `${address} in ${resolvConf.path} is rpc-dns itself: it refuses every name outside its zones`,
          'fine for a trial; else let resolvers ask a DNS that forwards the zones to rpc-dns: rpc-dns corefile --style stub',
        ),
      ];
    }
    return lookAt(address, surroundings);
  },
};

async function lookAt(address: string, surroundings: Surroundings): Promise<readonly Seen[]> {
  const { resolvConf, configFile, clusterDomain } = surroundings;
  const conf = parseResolvConf(resolvConf.text.ok ? resolvConf.text.value : '');
  const server = { host: address, port: DNS_PORT };
  const findings = await surroundings.askAsPod(server, conf.search);
  // outside a cluster nobody has to know Services
  const isPod = isPodSearch(conf, clusterDomain);
  const { lines, isGood } = judge('stub', { ...findings, services: isPod ? findings.services : [] }, []);
  const said = (title: string) =>
    lines
      .find((line) => line.startsWith(title))
      ?.slice(title.length)
      .trim() ?? '';
  const [full, services] = ['full names', 'Service names'].map(said);
  if (isGood) return [good(`${address} resolves full names: ${answerOf(findings.full)}`)];
  const seen: Seen[] = [];
  if (full !== 'good') {
    seen.push(
      finding(
        `${address} does not resolve names of rpc-dns: ${full}`,
        `put what "rpc-dns corefile --style stub -c ${configFile}" prints into its Corefile; "rpc-dns corefile --check ${address.includes(':') ? `[${address}]` : address}:${DNS_PORT}" looks again`,
      ),
    );
  }
  if (services !== 'good') {
    seen.push(
      finding(`${address}: ${services}`, 'this is not about rpc-dns: mend the cluster’s own DNS first'),
    );
  }
  return seen;
}

function answerOf(rows: readonly Finding[]): string {
  const [first] = rows;
  return first === undefined
    ? 'nothing was asked'
    : `${first.name.replace(/\.$/, '')} is ${resultText(first)}`;
}
