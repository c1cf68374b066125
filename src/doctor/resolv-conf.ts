/** What a resolver reads in resolv.conf(5). */
export interface ResolvConf {
  /** as far as they are addresses; glibc takes the first three */
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
  /** default 1 */
  readonly ndots: number;
}

const DEFAULT_NDOTS = 1;
/** glibc takes no more, whatever stands there. */
const MAX_NDOTS = 15;

/** Of `search` and `domain` the last one counts; a name in it has no final dot here. */
export function parseResolvConf(text: string): ResolvConf {
  const nameservers: string[] = [];
  let search: readonly string[] = [];
  let ndots = DEFAULT_NDOTS;
  for (const line of text.split('\n')) {
    if (/^[#;]/.test(line)) continue;
    const [key, ...values] = line.trim().split(/\s+/);
    const [first] = values;
    if (key === 'nameserver' && first !== undefined) nameservers.push(first);
    else if (key === 'search' || key === 'domain') search = values.map((name) => name.replace(/\.$/, ''));
    else if (key === 'options') {
      for (const option of values) {
        const number = /^ndots:(\d+)$/.exec(option)?.[1];
        if (number !== undefined) ndots = Math.min(Number(number), MAX_NDOTS);
      }
    }
  }
  return { nameservers, search: search.filter((name) => name !== ''), ndots };
}

export function dotsOf(name: string): number {
  return name.split('.').length - 1;
}

/** The names that glibc asks for `name`, one after another: as it is first when it has as many dots as ndots says. */
export function namesAsked(name: string, { search, ndots }: ResolvConf): string[] {
  const searched = search.map((domain) => `${name}.${domain}`);
  return dotsOf(name) >= ndots ? [name, ...searched] : [...searched, name];
}

/** Whether resolvers take the search list of a Kubernetes pod from it. */
export function isPodSearch({ search }: ResolvConf, clusterDomain: string): boolean {
  return search.some((domain) => domain.toLowerCase() === `svc.${clusterDomain}`);
}
