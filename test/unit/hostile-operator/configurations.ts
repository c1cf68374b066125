import { KINDS } from '../../../src/registry/kinds.ts';
import type { WrongText } from './rows.ts';

/** Every kind there is, as the problem lists them. */
export const A_KIND = `a registry of kind ${KINDS.map(({ kind }) => kind)
  .join(', ')
  .replace(/, ([^,]*)$/, ' or $1')}`;

/** As rpc-dns.yaml, beside which good.yaml is a good document of a registry. */
export const CONFIGURATIONS: readonly WrongText[] = [
  [
    '',
    "rpc-dns.yaml:1:1: the configuration is empty: expected keys and values; for nothing but defaults write 'zone: rpc.cluster.local'",
  ],
  ['\u0000', "rpc-dns.yaml:1:1: '\\x00': expected keys and values"],
  ['ÿþ', "rpc-dns.yaml:1:1: 'ÿþ': expected keys and values"],
  ['zone', "rpc-dns.yaml:1:1: 'zone': expected keys and values"],
  ['[]', 'rpc-dns.yaml:1:1: expected keys and values, found a list'],
  ['42', "rpc-dns.yaml:1:1: '42': expected keys and values"],
  ['"zone: a.example"', "rpc-dns.yaml:1:1: 'zone: a.example': expected keys and values"],
  [
    'zone: a.example\n  listen: {}\n',
    "rpc-dns.yaml:1:7: Nested mappings are not allowed in compact mappings: quote a value that contains ': '",
  ],
  [
    'zone: [a.example',
    'rpc-dns.yaml:1:17: Flow sequence in block collection must be sufficiently indented and end with a ]',
  ],
  ['zone: "a.example', 'rpc-dns.yaml:1:17: Missing closing "quote'],
  ['{zone: a.example', 'rpc-dns.yaml:1:17: Flow map must end with a }'],
  [
    '? [a]\n: b\n',
    "rpc-dns.yaml:1:1: unknown key '[ a ]': expected one of zone, nameservers, listen, answers, vips, store, zones, registries, ownership, engine, workers, sidecars, localities, lameduck, control, limits",
  ],
  [
    '1: x\n',
    "rpc-dns.yaml:1:1: unknown key '1': expected one of zone, nameservers, listen, answers, vips, store, zones, registries, ownership, engine, workers, sidecars, localities, lameduck, control, limits",
  ],
  ['zone: !!binary x\n', "rpc-dns.yaml:1:16: 'x': expected a text"],
  ['zone: &a [*a]\n', 'rpc-dns.yaml:1:10: expected a text, found a list'],
  ['zone: a.example # ok\n\tanswers: {}\n', 'rpc-dns.yaml:2:1: Tabs are not allowed as indentation'],
  ['zone: a.example\nzone: a.example\n', "rpc-dns.yaml:2:1: key 'zone' is there twice"],
  ['answers: &x { ttl: 5 }\nlimits: *x\n', "rpc-dns.yaml:1:15: unknown key 'ttl': expected one of udpSize"],
  [
    '<<: { zone: a.example }\n',
    "rpc-dns.yaml:1:1: unknown key '<<': expected one of zone, nameservers, listen, answers, vips, store, zones, registries, ownership, engine, workers, sidecars, localities, lameduck, control, limits",
  ],
  ['zone: null\n', "rpc-dns.yaml:1:7: 'zone' is empty: expected a list"],
  ['zone: []\n', 'rpc-dns.yaml:1:7: expected at least 1 entry, found none'],
  ['zone: {}\n', 'rpc-dns.yaml:1:7: expected a text, found keys and values'],
  ['zone: ""\n', 'rpc-dns.yaml:1:7: empty domain name'],
  ['zone: "*.foo"\n', "rpc-dns.yaml:1:7: zone *.foo. is a wildcard: name the domain itself, without '*.'"],
  [
    'zone: a.*.foo\nx: 1\n',
    "rpc-dns.yaml:2:1: unknown key 'x': expected one of zone, nameservers, listen, answers, vips, store, zones, registries, ownership, engine, workers, sidecars, localities, lameduck, control, limits",
  ],
  ['zone: true\n', 'rpc-dns.yaml:1:7: \'zone\' is true or false to YAML: quote it ("true")'],
  [
    `zone: ${'a'.repeat(64)}.example\n`,
    `rpc-dns.yaml:1:7: label over 63 octets in domain name '${'a'.repeat(64)}.example'`,
  ],
  [
    'zone: aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa\n',
    'rpc-dns.yaml:1:7: zone aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa.aa. is over 100 octets: names of interfaces need room',
  ],
  [
    'zone: "a b"\n',
    "rpc-dns.yaml:1:7: zone a\\032b. has ' ' in it: expected labels of letters, digits, '-' and '_', parted by dots",
  ],
  [
    'zone: bücher.example\n',
    "rpc-dns.yaml:1:7: 'ü' in domain name 'bücher.example': write non-ASCII octets as \\DDD, or use punycode",
  ],
  ['zone: [a.example, 7]\n', 'rpc-dns.yaml:1:19: entry 2 of \'zone\' is a number to YAML: quote it ("7")'],
  [
    'zone: a.example:53\n',
    "rpc-dns.yaml:1:7: zone a.example:53. has ':' in it: expected labels of letters, digits, '-' and '_', parted by dots",
  ],
  [
    'zone: http://a.example/\n',
    "rpc-dns.yaml:1:7: zone http://a.example/. has ':' in it: expected labels of letters, digits, '-' and '_', parted by dots",
  ],
  ['Zone: a.example\n', "rpc-dns.yaml:1:1: unknown key 'Zone': did you mean zone?"],
  ['zones: a.zone\n', "rpc-dns.yaml:1:8: 'a.zone': expected a list"],
  ['zones: [""]\n', "rpc-dns.yaml:1:9: entry 1 of 'zones' is empty: expected at least 1 character"],
  ['zones: [5]\n', 'rpc-dns.yaml:1:9: entry 1 of \'zones\' is a number to YAML: quote it ("5")'],
  ['zones: [.]\n', 'rpc-dns.yaml:1:9: .: is a folder: expected a file'],
  ['listen: 53\n', "rpc-dns.yaml:1:9: '53': expected keys and values"],
  ['listen: 127.0.0.1:53\n', "rpc-dns.yaml:1:9: '127.0.0.1:53': expected keys and values"],
  ['listen: { dns: "127.0.0.1:53" }\n', "rpc-dns.yaml:1:16: '127.0.0.1:53': expected a list"],
  [
    'listen: { dns: ["127.0.0.1"] }\n',
    "rpc-dns.yaml:1:17: '127.0.0.1': expected ADDRESS:PORT such as 127.0.0.1:5300 or [::1]:5300",
  ],
  [
    'listen: { dns: [53] }\n',
    "rpc-dns.yaml:1:17: '53': expected ADDRESS:PORT such as 127.0.0.1:5300 or [::1]:5300",
  ],
  [
    'listen: { dns: ["::1:53"] }\n',
    "rpc-dns.yaml:1:17: '::1:53': expected ADDRESS:PORT such as 127.0.0.1:5300 or [::1]:5300",
  ],
  [
    'listen: { dns: ["[::1]"] }\n',
    "rpc-dns.yaml:1:17: '[::1]': expected ADDRESS:PORT such as 127.0.0.1:5300 or [::1]:5300",
  ],
  [
    'listen: { dns: ["256.0.0.1:53"] }\n',
    "rpc-dns.yaml:1:17: '256.0.0.1:53': expected ADDRESS:PORT such as 127.0.0.1:5300 or [::1]:5300",
  ],
  [
    'listen: { dns: ["127.0.0.1:-1"] }\n',
    "rpc-dns.yaml:1:17: '127.0.0.1:-1': expected ADDRESS:PORT such as 127.0.0.1:5300 or [::1]:5300",
  ],
  [
    'listen: { dns: ["127.0.0.1:65536"] }\n',
    "rpc-dns.yaml:1:17: '127.0.0.1:65536': expected ADDRESS:PORT such as 127.0.0.1:5300 or [::1]:5300",
  ],
  [
    'listen: { dns: ["0.0.0.0:5300", "127.0.0.1:5300"] }\n',
    'rpc-dns.yaml:1:33: 127.0.0.1:5300 and 0.0.0.0:5300 cannot both be opened: remove one, a wildcard address stands for all',
  ],
  [
    'listen: { dns: ["127.0.0.1:5300", "0.0.0.0:5300"] }\n',
    'rpc-dns.yaml:1:35: 0.0.0.0:5300 and 127.0.0.1:5300 cannot both be opened: remove one, a wildcard address stands for all',
  ],
  [
    'listen: { dns: ["[::]:5300", "[::1]:5300"] }\n',
    'rpc-dns.yaml:1:30: [::1]:5300 and [::]:5300 cannot both be opened: remove one, a wildcard address stands for all',
  ],
  [
    'listen: { dns: ["127.0.0.1:5300"], http: "127.0.0.1:5300" }\n',
    'rpc-dns.yaml:1:42: 127.0.0.1:5300 is the port of DNS over TCP at 127.0.0.1:5300 (listen.dns): choose another port',
  ],
  [
    'listen: { dns: ["0.0.0.0:5300"], http: "127.0.0.1:5300" }\n',
    'rpc-dns.yaml:1:40: 127.0.0.1:5300 is the port of DNS over TCP at 0.0.0.0:5300 (listen.dns): choose another port',
  ],
  [
    'listen: { dns: ["127.0.0.1:5300"], http: "0.0.0.0:5300" }\n',
    'rpc-dns.yaml:1:42: 0.0.0.0:5300 is the port of DNS over TCP at 127.0.0.1:5300 (listen.dns): choose another port',
  ],
  [
    'listen: { dns: ["127.0.0.1:5300"], http: "[::]:5300" }\n',
    'rpc-dns.yaml:1:42: [::]:5300 is the port of DNS over TCP at 127.0.0.1:5300 (listen.dns): choose another port',
  ],
  [
    'listen: { dns: ["247.0.0.5:53"] }\n',
    'rpc-dns.yaml:1:17: 247.0.0.5 lies in the pool 247.0.0.0/8: an interface would get it as its VIP; choose another pool',
  ],
  [
    'listen: { http: "247.0.0.5:80" }\n',
    'rpc-dns.yaml:1:17: 247.0.0.5 lies in the pool 247.0.0.0/8: an interface would get it as its VIP; choose another pool',
  ],
  [
    'listen: { http: true }\n',
    "rpc-dns.yaml:1:17: 'true': expected ADDRESS:PORT such as 127.0.0.1:5300 or [::1]:5300",
  ],
  [
    'listen: { http: "" }\n',
    "rpc-dns.yaml:1:17: '': expected ADDRESS:PORT such as 127.0.0.1:5300 or [::1]:5300",
  ],
  ['listen: { tcp: "127.0.0.1:53" }\n', "rpc-dns.yaml:1:11: unknown key 'tcp': expected one of dns, http"],
  ['listen: { dns: null }\n', "rpc-dns.yaml:1:16: 'dns' is empty: expected a list"],
  [
    'answers: { ttl: "5" }\n',
    "rpc-dns.yaml:1:17: 'ttl' is a text, expected a number: write it without quotes (5)",
  ],
  ['answers: { ttl: 5s }\n', "rpc-dns.yaml:1:17: '5s': expected a number"],
  ['answers: { ttl: null }\n', "rpc-dns.yaml:1:17: 'ttl' is empty: expected a number"],
  ['answers: { ttl: .inf }\n', "rpc-dns.yaml:1:17: '.inf': expected a number"],
  ['answers: { ttl: .nan }\n', "rpc-dns.yaml:1:17: '.nan': expected a number"],
  ['answers: { ttl: 0x }\n', "rpc-dns.yaml:1:17: '0x': expected a number"],
  ['answers: { negativeTtl: -1 }\n', "rpc-dns.yaml:1:25: '-1': expected at least 0"],
  [
    'answers: { style: CNAME }\n',
    "rpc-dns.yaml:1:19: 'CNAME': expected one of cname, flat; did you mean cname?",
  ],
  ['answers: { style: [flat] }\n', 'rpc-dns.yaml:1:19: expected one of cname, flat, found a list'],
  [
    'answers: { template: "" }\n',
    "rpc-dns.yaml:1:22: '' in the template: expected a {field} or a label of letters, digits and '-'",
  ],
  [
    'answers: { template: "{name}..svc" }\n',
    "rpc-dns.yaml:1:22: '' in the template: expected a {field} or a label of letters, digits and '-'",
  ],
  [
    'answers: { template: "{name" }\n',
    "rpc-dns.yaml:1:22: '{name' in the template: expected a {field} or a label of letters, digits and '-'",
  ],
  ['answers: { template: 5 }\n', 'rpc-dns.yaml:1:22: \'template\' is a number to YAML: quote it ("5")'],
  ['answers: { address: pods }\n', "rpc-dns.yaml:1:21: 'pods': expected one of vip, endpoints"],
  ['answers: { maxRecords: 0 }\n', "rpc-dns.yaml:1:24: '0': expected at least 1"],
  ['answers: { maxRecords: 4096 }\n', "rpc-dns.yaml:1:24: '4096': expected at most 2048"],
  ['answers: { maxRecords: 2049 }\n', "rpc-dns.yaml:1:24: '2049': expected at most 2048"],
  ['answers: { maxrecords: 10 }\n', "rpc-dns.yaml:1:12: unknown key 'maxrecords': did you mean maxRecords?"],
  [
    'vips: { pools: ["224.0.0.0/4"] }\n',
    "rpc-dns.yaml:1:17: '224.0.0.0/4' can be no pool: 224.0.0.0/4 is multicast (RFC 5771); give a block that nothing else uses, such as 247.0.0.0/8 or fd53::/64",
  ],
  [
    'vips: { pools: ["127.0.0.0/8"] }\n',
    "rpc-dns.yaml:1:17: '127.0.0.0/8' can be no pool: 127.0.0.0/8 is loopback (RFC 1122); give a block that nothing else uses, such as 247.0.0.0/8 or fd53::/64",
  ],
  [
    'vips: { pools: ["0.0.0.0/0"] }\n',
    "rpc-dns.yaml:1:17: '0.0.0.0/0' can be no pool: 0.0.0.0/8 is 'this network' (RFC 791); give a block that nothing else uses, such as 247.0.0.0/8 or fd53::/64",
  ],
  [
    'vips: { pools: ["0.0.0.0/8"] }\n',
    "rpc-dns.yaml:1:17: '0.0.0.0/8' can be no pool: 0.0.0.0/8 is 'this network' (RFC 791); give a block that nothing else uses, such as 247.0.0.0/8 or fd53::/64",
  ],
  [
    'vips: { pools: ["255.255.255.255/32"] }\n',
    'rpc-dns.yaml:1:17: pool 255.255.255.255/32 has no usable address: choose a larger block',
  ],
  [
    'vips: { pools: ["169.254.0.0/16"] }\n',
    "rpc-dns.yaml:1:17: '169.254.0.0/16' can be no pool: 169.254.0.0/16 is link-local (RFC 3927); give a block that nothing else uses, such as 247.0.0.0/8 or fd53::/64",
  ],
  [
    'vips: { pools: ["192.0.0.0/2"] }\n',
    "rpc-dns.yaml:1:17: '192.0.0.0/2' can be no pool: 224.0.0.0/4 is multicast (RFC 5771); give a block that nothing else uses, such as 247.0.0.0/8 or fd53::/64",
  ],
  [
    'vips: { pools: ["fe80::/64"] }\n',
    "rpc-dns.yaml:1:17: 'fe80::/64' can be no pool: fe80::/10 is link-local (RFC 4291); give a block that nothing else uses, such as 247.0.0.0/8 or fd53::/64",
  ],
  [
    'vips: { pools: ["ff00::/8"] }\n',
    "rpc-dns.yaml:1:17: 'ff00::/8' can be no pool: ff00::/8 is multicast (RFC 4291); give a block that nothing else uses, such as 247.0.0.0/8 or fd53::/64",
  ],
  [
    'vips: { pools: ["::/128"] }\n',
    "rpc-dns.yaml:1:17: '::/128' can be no pool: ::/128 is the unspecified address (RFC 4291); give a block that nothing else uses, such as 247.0.0.0/8 or fd53::/64",
  ],
  [
    'vips: { pools: ["::1/128"] }\n',
    "rpc-dns.yaml:1:17: '::1/128' can be no pool: ::1/128 is loopback (RFC 4291); give a block that nothing else uses, such as 247.0.0.0/8 or fd53::/64",
  ],
  [
    'vips: { pools: ["::ffff:0:0/96"] }\n',
    "rpc-dns.yaml:1:17: '::ffff:0:0/96' can be no pool: ::ffff:0:0/96 is IPv4 addresses in IPv6 form (RFC 4291); give a block that nothing else uses, such as 247.0.0.0/8 or fd53::/64",
  ],
  [
    'vips: { pools: ["::/0"] }\n',
    "rpc-dns.yaml:1:17: '::/0' can be no pool: ::/128 is the unspecified address (RFC 4291); give a block that nothing else uses, such as 247.0.0.0/8 or fd53::/64",
  ],
  [
    'vips: { pools: ["10.0.0.0/8", "10.1.0.0/16"] }\n',
    'rpc-dns.yaml:1:31: pool 10.1.0.0/16 overlaps 10.0.0.0/8: remove one of them',
  ],
  [
    'vips: { pools: ["10.0.0.0/8", "10.0.0.0/8"] }\n',
    'rpc-dns.yaml:1:31: pool 10.0.0.0/8 overlaps 10.0.0.0/8: remove one of them',
  ],
  [
    'vips: { pools: [10.0.0.0] }\n',
    "rpc-dns.yaml:1:17: '10.0.0.0' is no pool: expected ADDRESS/PREFIX such as 247.0.0.0/8",
  ],
  ['vips: { pools: [10] }\n', 'rpc-dns.yaml:1:17: entry 1 of \'pools\' is a number to YAML: quote it ("10")'],
  [
    'vips: { pools: ["10.0.0.0/08x"] }\n',
    "rpc-dns.yaml:1:17: '10.0.0.0/08x' is no pool: expected ADDRESS/PREFIX such as 247.0.0.0/8",
  ],
  [
    'vips: { pools: ["fd00::/129"] }\n',
    "rpc-dns.yaml:1:17: 'fd00::/129': a prefix of at most 128 bits was expected",
  ],
  ['vips: { pools: null }\n', "rpc-dns.yaml:1:16: 'pools' is empty: expected a list"],
  [
    'vips: { reuseAfter: 1w }\n',
    "rpc-dns.yaml:1:21: '1w' is no duration: expected a number with ms, s, m, h or d, such as 24h",
  ],
  [
    'vips: { reuseAfter: -1h }\n',
    "rpc-dns.yaml:1:21: '-1h' is no duration: expected a number with ms, s, m, h or d, such as 24h",
  ],
  [
    'vips: { perVersion: "true" }\n',
    "rpc-dns.yaml:1:21: 'perVersion' is a text, expected true or false: write it without quotes (true)",
  ],
  ['vips: { perVersion: 1 }\n', "rpc-dns.yaml:1:21: '1': expected true or false"],
  ['vips: { pool: [] }\n', "rpc-dns.yaml:1:9: unknown key 'pool': did you mean pools?"],
  ['nameservers: ns.example\n', "rpc-dns.yaml:1:14: 'ns.example': expected a list"],
  ['nameservers: [ns.example]\n', "rpc-dns.yaml:1:15: 'ns.example': expected keys and values"],
  ['nameservers: [{ addresses: [10.0.0.1] }]\n', "rpc-dns.yaml:1:15: 'name' is missing: expected a text"],
  [
    'nameservers: [{ name: ns.rpc.cluster.local }]\n',
    'rpc-dns.yaml:1:23: name server ns.rpc.cluster.local. lies in the zone rpc.cluster.local. and has no address there: give it addresses, or name a server outside the zone',
  ],
  [
    'nameservers: [{ name: ns.rpc.cluster.local, addresses: [] }]\n',
    'rpc-dns.yaml:1:23: name server ns.rpc.cluster.local. lies in the zone rpc.cluster.local. and has no address there: give it addresses, or name a server outside the zone',
  ],
  [
    'nameservers: [{ name: ns.example, addresses: [10.0.0.1] }, { name: NS.example }]\n',
    'rpc-dns.yaml:1:68: name server NS.example. is there twice',
  ],
  [
    'nameservers: [{ name: ns.example, addresses: [0.0.0.0] }]\n',
    "rpc-dns.yaml:1:47: '0.0.0.0' can be no name server's: 0.0.0.0/8 is 'this network' (RFC 791); give one that resolvers reach",
  ],
  [
    'nameservers: [{ name: ns.example, addresses: ["ff02::1"] }]\n',
    "rpc-dns.yaml:1:47: 'ff02::1' can be no name server's: ff00::/8 is multicast (RFC 4291); give one that resolvers reach",
  ],
  [
    'nameservers: [{ name: ns.example, addresses: [247.1.2.3] }]\n',
    'rpc-dns.yaml:1:47: 247.1.2.3 lies in the pool 247.0.0.0/8: an interface would get it as its VIP; choose another pool',
  ],
  [
    'nameservers: [{ name: ns.example, addresses: 10.0.0.1 }]\n',
    "rpc-dns.yaml:1:46: '10.0.0.1': expected a list",
  ],
  ['store: sqlite\n', "rpc-dns.yaml:1:8: 'sqlite': expected keys and values"],
  ['store: { kind: redis }\n', "rpc-dns.yaml:1:16: 'redis': expected one of sqlite, kubernetes, memory"],
  [
    'store: { kind: sqlite, path: "" }\n',
    "rpc-dns.yaml:1:30: 'path' is empty: expected at least 1 character",
  ],
  ['store: { path: 5 }\n', 'rpc-dns.yaml:1:16: \'path\' is a number to YAML: quote it ("5")'],
  ['store: { kind: kubernetes, kubeconfig: nope }\n', 'rpc-dns.yaml:1:40: nope: no such file'],
  ['store: { kind: kubernetes, kubeconfig: . }\n', 'rpc-dns.yaml:1:40: .: is a folder: expected a file'],
  ['engine: fast\n', "rpc-dns.yaml:1:9: 'fast': expected one of dgram, mmsg, auto"],
  ['lameduck: 10\n', "rpc-dns.yaml:1:11: '10': expected a number with ms, s, m, h or d, such as 24h"],
  [
    'lameduck: ten\n',
    "rpc-dns.yaml:1:11: 'ten' is no duration: expected a number with ms, s, m, h or d, such as 24h",
  ],
  ['control: ""\n', "rpc-dns.yaml:1:10: 'control' is empty: expected at least 1 character"],
  ['control: null\n', "rpc-dns.yaml:1:10: 'control' is empty: expected a text"],
  ['limits: { udpSize: 100 }\n', "rpc-dns.yaml:1:20: '100': expected at least 512"],
  ['limits: { udpSize: 65535 }\n', "rpc-dns.yaml:1:20: '65535': expected at most 4096"],
  ['limits: { udpSize: big }\n', "rpc-dns.yaml:1:20: 'big': expected a number"],
  ['limits: { tcp: 5 }\n', "rpc-dns.yaml:1:11: unknown key 'tcp': expected one of udpSize"],
  [
    'zone: ${ZONE}\n',
    'rpc-dns.yaml:1:7: the environment variable ZONE is not set: set it, or give a default as ${ZONE:-…}',
  ],
  [
    'listen: { dns: ["${HOST}:${PORT}"] }\n',
    'rpc-dns.yaml:1:17: the environment variable HOST is not set: set it, or give a default as ${HOST:-…}',
    'rpc-dns.yaml:1:17: the environment variable PORT is not set: set it, or give a default as ${PORT:-…}',
  ],
  ['answers: { ttl: "${TTL:-five}" }\n', "rpc-dns.yaml:1:17: '${TTL:-five}': expected a number"],
  [
    'registries: [zookeeper]\n',
    "rpc-dns.yaml:1:14: 'zookeeper': expected keys and values such as { kind: file, path: interfaces.yaml }",
  ],
  ['registries: [null]\n', `rpc-dns.yaml:1:14: 'kind' is missing: expected ${A_KIND}`],
  ['registries: [{}]\n', `rpc-dns.yaml:1:14: 'kind' is missing: expected ${A_KIND}`],
  ['registries: [{ kind: file }]\n', "rpc-dns.yaml:1:14: 'path' is missing: expected a text"],
  ['registries: [{ kind: file, path: . }]\n', 'rpc-dns.yaml:1:34: .: is a folder: expected a file'],
  ['registries: [{ kind: file, path: nope.yaml }]\n', 'rpc-dns.yaml:1:34: nope.yaml: no such file'],
  [
    'registries: [{ kind: file, path: "" }]\n',
    "rpc-dns.yaml:1:34: 'path' is empty: expected at least 1 character",
  ],
  [
    'registries: [{ kind: zookeeper, servers: "" }]\n',
    "rpc-dns.yaml:1:42: '' is no server: expected host:port",
  ],
  [
    'registries: [{ kind: zookeeper, servers: [zk:2181] }]\n',
    'rpc-dns.yaml:1:42: expected a text, found a list',
  ],
  [
    'registries: [{ kind: zookeeper, servers: "zk:0" }]\n',
    "rpc-dns.yaml:1:42: 'zk:0' is no server: expected host:port",
  ],
  [
    'registries: [{ kind: zookeeper, servers: "zk:2181", root: dubbo }]\n',
    "rpc-dns.yaml:1:59: 'dubbo': expected a path such as /dubbo",
  ],
  [
    'registries: [{ kind: zookeeper, servers: "zk:2181", digest: me }]\n',
    'rpc-dns.yaml:1:61: expected USER:PASSWORD',
  ],
  [
    'registries: [{ kind: zookeeper, servers: "zk:2181", sessionTimeout: 5 }]\n',
    "rpc-dns.yaml:1:69: '5': expected a number with ms, s, m, h or d, such as 24h",
  ],
  [
    'registries: [{ kind: zookeeper, servers: "zk:2181", path: x }]\n',
    "rpc-dns.yaml:1:53: unknown key 'path': expected one of kind, servers, layouts, root, roots, digest, sessionTimeout, metadata, name, required, distrustFor, probe, localities, join, forgetAfter, settleFor",
  ],
  ['registries: [{ kind: kubernetes, namespaces: trade }]\n', "rpc-dns.yaml:1:46: 'trade': expected a list"],
  [
    'registries: [{ kind: kubernetes, podCIDRs: ["247.1.0.0/16"] }]\n',
    'rpc-dns.yaml:1:45: 247.1.0.0/16 overlaps the pool 247.0.0.0/8: the address of a pod would be given as a VIP; choose another pool',
  ],
  [
    'registries: [{ kind: kubernetes, podCIDRs: [pods] }]\n',
    "rpc-dns.yaml:1:45: 'pods' is no block of addresses: expected ADDRESS/PREFIX such as 247.0.0.0/8",
  ],
  [
    'registries: [{ kind: kubernetes, controller: "no" }]\n',
    "rpc-dns.yaml:1:46: 'no': expected true or false",
  ],
  ['registries: [{ kind: kubernetes, kubeconfig: nope }]\n', 'rpc-dns.yaml:1:46: nope: no such file'],
  [
    'registries: [{ kind: kubernetes, leaseNamespace: "" }]\n',
    "rpc-dns.yaml:1:50: '': expected the name of a namespace such as trade",
  ],
  [
    'registries: [{ kind: kubernetes }, { kind: kubernetes }]\n',
    'rpc-dns.yaml:1:36: registry kubernetes:in-cluster is there twice',
  ],
  [
    'registries: [{ kind: file, path: good.yaml, join: [x] }]\n',
    "rpc-dns.yaml:1:52: 'x' is no registry of kind kubernetes: none is configured",
  ],
  ['registries: [{ kind: file, path: good.yaml, join: x }]\n', "rpc-dns.yaml:1:51: 'x': expected a list"],
  [
    'registries: [{ kind: file, path: good.yaml, required: 1 }]\n',
    "rpc-dns.yaml:1:55: '1': expected true or false",
  ],
  [
    'registries: [{ kind: file, path: good.yaml, forgetAfter: soon }]\n',
    "rpc-dns.yaml:1:58: 'soon' is no duration: expected a number with ms, s, m, h or d, such as 24h",
  ],
  [
    'registries: [{ kind: file, path: good.yaml, distrustFor: 60 }]\n',
    "rpc-dns.yaml:1:58: '60': expected a number with ms, s, m, h or d, such as 24h",
  ],
  [
    'registries: [{ kind: file, path: good.yaml, name: "" }]\n',
    "rpc-dns.yaml:1:51: 'name' is empty: expected at least 1 character",
  ],
  ['registries: [{ kind: consol, server: "x:1" }]\n', `rpc-dns.yaml:1:22: 'consol': expected ${A_KIND}`],
  [
    'registries: [{ Kind: file, path: good.yaml }]\n',
    `rpc-dns.yaml:1:14: 'kind' is missing: expected ${A_KIND}`,
  ],
  ['ownership: { com.foo: trade }\n', 'rpc-dns.yaml:1:12: expected a list, found keys and values'],
  ['ownership: [{ prefix: com.foo }]\n', "rpc-dns.yaml:1:13: 'namespaces' is missing: expected a list"],
  [
    'ownership: [{ prefix: com.foo, namespaces: [] }]\n',
    'rpc-dns.yaml:1:44: expected at least 1 entry, found none',
  ],
  [
    'ownership: [{ prefix: "", namespaces: [a] }]\n',
    "rpc-dns.yaml:1:23: '': expected a package such as com.foo, without a dot at its ends",
  ],
  [
    'ownership: [{ prefix: "com foo", namespaces: [a] }]\n',
    "rpc-dns.yaml:1:23: 'com foo': expected a package such as com.foo, without a dot at its ends",
  ],
  ['ownership: [{ prefix: com.foo, namespaces: a }]\n', "rpc-dns.yaml:1:44: 'a': expected a list"],
  [
    'ownership: [{ prefix: com.foo, namespaces: [5] }]\n',
    'rpc-dns.yaml:1:45: entry 1 of \'namespaces\' is a number to YAML: quote it ("5")',
  ],
];
