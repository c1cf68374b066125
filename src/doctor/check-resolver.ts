import { isIP } from 'node:net';
import { toShortText } from '../name/domain-name.ts';
import { dotsOf, isPodSearch, parseResolvConf, type ResolvConf } from './resolv-conf.ts';
import { type Check, finding, good, type Seen, type Surroundings, warning } from './surroundings.ts';

/** What glibc takes of resolv.conf(5). */
const MAX_NAMESERVERS = 3;
/** What Kubernetes gives to pods. */
const POD_NDOTS = 5;
/** For the dots of a name where none is known. */
const USUAL_NAME = 'com.foo.UserService';

/** What resolv.conf makes of the names that programs ask for. */
export const checkResolver: Check = {
  title: 'resolv.conf',
  async look(surroundings) {
    const { path, text } = surroundings.resolvConf;
    if (!text.ok) {
      return [
        finding(
          `${path}: ${text.reason}`,
          'without it resolvers ask 127.0.0.1: write a line "nameserver ADDRESS" into it, or name the right file with --resolv-conf',
        ),
      ];
    }
    const conf = parseResolvConf(text.value);
    const problems = [...nameserverProblems(path, conf), ...ndotsProblems(path, conf, surroundings)];
    if (problems.length > 0) return problems;
    const { nameservers, search, ndots } = conf;
    const list = search.length === 0 ? 'no search list' : `search ${search.join(' ')}`;
    return [good(`${path}: nameserver ${nameservers.join(', ')}; ${list}; ndots ${ndots}`)];
  },
};

function nameserverProblems(path: string, { nameservers }: ResolvConf): Seen[] {
  const wrong = nameservers.filter((one) => isIP(one.replace(/%.*$/, '')) === 0);
  const extra = nameservers.slice(MAX_NAMESERVERS);
  return [
    ...(nameservers.length === 0
      ? [
          finding(
            `${path} names no nameserver: resolvers ask 127.0.0.1`,
            'add a line "nameserver ADDRESS" with the address of the DNS that forwards to rpc-dns',
          ),
        ]
      : []),
    ...wrong.map((one) => {
      return finding(
        `${path}: nameserver ${one} is no address`,
        'write an IPv4 or IPv6 address; names and ports cannot stand there',
      );
    }),
    ...(extra.length === 0
      ? []
      : [
          warning(
            `${path}: nameserver ${extra.join(', ')} is never asked: resolvers take the first ${MAX_NAMESERVERS}`,
            'leave out the others',
          ),
        ]),
  ];
}

/**
 * A bare name, `com.foo.UserService`, becomes a full one only by a zone in the search list, and only when it has fewer dots
 * than ndots says; or CoreDNS rewrites it (`corefile --style shared`, `view`), whatever the resolver puts behind it.
 */
function ndotsProblems(
  path: string,
  conf: ResolvConf,
  { config, specimen, clusterDomain }: Surroundings,
): Seen[] {
  const { search, ndots } = conf;
  const zones = config.zone.map((zone) => toShortText(zone).toLowerCase());
  const zone = search.find((domain) => zones.includes(domain.toLowerCase()));
  const bare = specimen?.bare ?? USUAL_NAME;
  const full = specimen?.full ?? `${bare}.${zones[0]}`;
  const problems: Seen[] = [];
  if (zone !== undefined && ndots <= dotsOf(bare)) {
    problems.push(
      finding(
        `${path}: ndots ${ndots} is too small for ${bare}, which has ${dotsOf(bare)} dots: it is asked as it is first, outside ${zone}, and musl asks nothing else`,
        `write "options ndots:${Math.max(POD_NDOTS, dotsOf(bare) + 1)}" (of a pod: dnsConfig: {options: [{name: ndots, value: "${Math.max(POD_NDOTS, dotsOf(bare) + 1)}"}]}), or let programs ask for ${full}`,
      ),
    );
  } else if (isPodSearch(conf, clusterDomain) && ndots < POD_NDOTS) {
    problems.push(
      warning(
        `${path}: ndots ${ndots} where Kubernetes gives pods ${POD_NDOTS}: names of ${ndots} dots and more are asked outside the cluster first, Services' too`,
        `leave it away (of a pod: dnsConfig.options), or write final dots; ${bare} resolves only if CoreDNS rewrites it as it is: rpc-dns corefile --style shared`,
      ),
    );
  }
  if (search.length > 0 && ndots > dotsOf(full)) {
    problems.push(
      warning(
        `${path}: ndots ${ndots} is more than the ${dotsOf(full)} dots of ${full}: it is asked behind each of ${search.join(', ')} before it is asked as it is`,
        `write "options ndots:${POD_NDOTS}", or a final dot behind full names`,
      ),
    );
  }
  return problems;
}
