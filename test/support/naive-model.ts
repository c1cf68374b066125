/** Contract part 1 read aloud: what names a plain list of registrations has, in the most simple way that there is. */

export interface ListedService {
  readonly name: string;
  readonly version: string;
  readonly group: string;
  readonly application: string;
  readonly protocol: string;
  readonly port: number | undefined;
  /** all at port 20880 */
  readonly endpoints: readonly string[];
}

/** Type and data, as text. */
export type Found = readonly string[];

const label = (value: string) => value.toLowerCase().replace(/[^a-z0-9]/g, '-');
const unique = (values: readonly string[]) => [...new Set(values.filter((value) => value !== ''))].sort();

export class NaiveModel {
  readonly nodes = new Map<string, Set<string>>();

  constructor(
    services: readonly ListedService[],
    style: 'cname' | 'flat',
    zone: string,
    vipOf: (name: string) => string,
  ) {
    for (const name of new Set(services.map((service) => service.name))) {
      const own = services.filter((service) => service.name === name);
      const domain = `${[...name.split('.')].reverse().join('.')}.svc`.replace(/[$_]/g, '-');
      const vip = vipOf(name);
      const below = new Map<string, string[]>();
      const put = (at: string, ...records: string[]) => below.set(at, [...(below.get(at) ?? []), ...records]);
      const forms = new Map<string, ListedService[]>([['', own]]);
      for (const { version, group } of own) {
        const sameVersion = own.filter((one) => one.version === version);
        const sameGroup = own.filter((one) => one.group === group);
        if (version !== '') forms.set(`ver-${label(version)}.`, sameVersion);
        if (group !== '') forms.set(`grp-${label(group)}.`, sameGroup);
        if (version === '' || group === '') continue;
        forms.set(
          `ver-${label(version)}.grp-${label(group)}.`,
          sameVersion.filter((one) => one.group === group),
        );
      }
      for (const [form, covered] of forms) {
        put(form, `A ${vip}`, textOf(name, covered));
        for (const [protocol, ports] of portsOf(covered)) {
          for (const port of ports) put(`_${protocol}._tcp.${form}`, `SRV 0 0 ${port} ${domain}.${zone}`);
        }
        put(`_endpoints.${form}`);
        for (const ip of unique(covered.flatMap(({ endpoints }) => endpoints))) {
          const host = `${ip.replaceAll('.', '-')}._endpoints.`;
          put(`_endpoints.${form}`, `A ${ip}`, `SRV 0 0 20880 ${host}${domain}.${zone}`);
          if (form === '') put(host, `A ${ip}`);
        }
      }
      for (const [at, records] of below) {
        this.#add(`${at}${domain}`, records);
        for (const call of new Set([name, name.replace(/[$_]/g, '-')])) {
          this.#add(`${at}${call}`, style === 'flat' ? records : [`CNAME ${at}${domain}.${zone}`]);
        }
      }
      for (const application of unique(own.map((one) => one.application)))
        this.#add(`${label(application)}.app`, [`A ${vip}`]);
      for (const [protocol, ports] of portsOf(own)) {
        const instance = `${name.replaceAll('.', '\\.')}._${protocol}._tcp`;
        this.#add('_services._dns-sd._udp', [`PTR _${protocol}._tcp.${zone}`]);
        this.#add(`_${protocol}._tcp`, [`PTR ${instance}.${zone}`]);
        this.#add(instance, [...ports.map((port) => `SRV 0 0 ${port} ${domain}.${zone}`), textOf(name, own)]);
      }
    }
  }

  /** @returns the answer, its owner told only by the order; undefined: there is no such name */
  ask(name: string, type: string, zone: string): Found | undefined {
    const node = this.nodes.get(name.toLowerCase());
    const isAbove = [...this.nodes.keys()].some((known) =>
      parts(known).endsWith(`\n${parts(name.toLowerCase())}`),
    );
    if (node === undefined) return isAbove ? [] : undefined;
    const alias = [...node].find((record) => record.startsWith('CNAME '));
    if (alias === undefined || type === 'CNAME')
      return [...node].filter((record) => record.startsWith(`${type} `));
    const target = alias.slice('CNAME '.length, -zone.length - 1);
    return [alias, ...(this.ask(target, type, zone) ?? [])];
  }

  #add(name: string, records: readonly string[]): void {
    const key = name.toLowerCase();
    this.nodes.set(key, new Set([...(this.nodes.get(key) ?? []), ...records]));
  }
}

/** Labels in a form in which an escaped dot is none. */
function parts(name: string): string {
  return name.replace(/\\\./g, '\x01').replaceAll('.', '\n');
}

/** What a registration says of its port goes before what its instances listen on. */
function portsOf(services: readonly ListedService[]): Map<string, number[]> {
  const ports = new Map<string, Set<number>>();
  const declared = new Set(services.filter(({ port }) => port !== undefined).map(({ protocol }) => protocol));
  for (const { protocol, port, endpoints } of services) {
    const own = port ?? (endpoints.length > 0 && !declared.has(protocol) ? 20880 : undefined);
    if (own !== undefined) ports.set(protocol, new Set([...(ports.get(protocol) ?? []), own]));
  }
  return new Map([...ports].map(([protocol, found]) => [protocol, [...found]]));
}

function textOf(name: string, covered: readonly ListedService[]): string {
  const of = (pick: (service: ListedService) => string) => unique(covered.map(pick)).join(',');
  const pairs = [
    ['interface', name],
    ['application', of(({ application }) => application)],
    ['protocol', of(({ protocol }) => protocol)],
    ['versions', of(({ version }) => version)],
    ['groups', of(({ group }) => group)],
    ['source', 'registry-0'],
    ['vip-from', 'pool'],
  ];
  return `TXT ${pairs.flatMap(([key, value]) => (value === '' ? [] : [`${key}=${value}`])).join(' ')}`;
}
