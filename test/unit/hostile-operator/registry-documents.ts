import type { WrongText } from './rows.ts';

/** As i.yaml, in the format of the file registry and of ConfigMaps. */
export const REGISTRY_DOCUMENTS: readonly WrongText[] = [
  ['', "i.yaml:1:1: 'interfaces' is missing: expected a list"],
  ['{}', "i.yaml:1:1: 'interfaces' is missing: expected a list"],
  ['[]', 'i.yaml:1:1: expected keys and values, found a list'],
  ['interfaces\n', "i.yaml:1:1: 'interfaces': expected keys and values"],
  ['interfaces: null\n', "i.yaml:1:13: 'interfaces' is empty: expected a list"],
  ['interfaces: com.foo.A\n', "i.yaml:1:13: 'com.foo.A': expected a list"],
  ['interfaces: [null]\n', "i.yaml:1:14: entry 1 of 'interfaces' is empty: expected keys and values"],
  ['interfaces: [[]]\n', 'i.yaml:1:14: expected keys and values, found a list'],
  ['interfaces: []\nversion: 1\n', "i.yaml:2:1: unknown key 'version': expected one of interfaces"],
  ['interfaces: []\n---\ninterfaces: []\n', 'i.yaml:2:1: a second YAML document: expected one in a file'],
  [
    'services: []\n',
    "i.yaml:1:1: 'interfaces' is missing: expected a list",
    "i.yaml:1:1: unknown key 'services': expected one of interfaces",
  ],
  ['interfaces: [{ name: }]\n', "i.yaml:1:22: 'name' is empty: expected a text"],
  ['interfaces: [{ name: 5 }]\n', 'i.yaml:1:22: \'name\' is a number to YAML: quote it ("5")'],
  ['interfaces: [{ name: "" }]\n', 'i.yaml:1:22: empty interface name'],
  [
    'interfaces: [{ name: "com.foo." }]\n',
    "i.yaml:1:22: 'com.foo.' is no interface name: expected package.Name of letters, digits, _ and $",
  ],
  [
    'interfaces: [{ name: "com foo" }]\n',
    "i.yaml:1:22: 'com foo' is no interface name: expected package.Name of letters, digits, _ and $",
  ],
  [
    'interfaces: [{ name: "*" }]\n',
    "i.yaml:1:22: '*' is no interface name: expected package.Name of letters, digits, _ and $",
  ],
  [`interfaces: [{ name: ${'a'.repeat(1025)} }]\n`, 'i.yaml:1:22: interface name over 1024 characters'],
  [
    'interfaces:\n  - { name: com.foo.A, vip: 0.0.0.0 }\n',
    "i.yaml:2:29: '0.0.0.0' can be no VIP: 0.0.0.0/8 is 'this network' (RFC 791); give an address that callers reach, or leave 'vip' out",
  ],
  [
    'interfaces:\n  - { name: com.foo.A, vip: 255.255.255.255 }\n',
    "i.yaml:2:29: '255.255.255.255' can be no VIP: 255.255.255.255/32 is the broadcast address (RFC 919); give an address that callers reach, or leave 'vip' out",
  ],
  [
    'interfaces:\n  - { name: com.foo.A, vip: 224.0.0.1 }\n',
    "i.yaml:2:29: '224.0.0.1' can be no VIP: 224.0.0.0/4 is multicast (RFC 5771); give an address that callers reach, or leave 'vip' out",
  ],
  [
    'interfaces:\n  - { name: com.foo.A, vip: 127.0.0.1 }\n',
    "i.yaml:2:29: '127.0.0.1' can be no VIP: 127.0.0.0/8 is loopback (RFC 1122); give an address that callers reach, or leave 'vip' out",
  ],
  [
    'interfaces:\n  - { name: com.foo.A, vip: 169.254.1.1 }\n',
    "i.yaml:2:29: '169.254.1.1' can be no VIP: 169.254.0.0/16 is link-local (RFC 3927); give an address that callers reach, or leave 'vip' out",
  ],
  [
    'interfaces:\n  - { name: com.foo.A, vip: "::" }\n',
    "i.yaml:2:29: '::' can be no VIP: ::/128 is the unspecified address (RFC 4291); give an address that callers reach, or leave 'vip' out",
  ],
  [
    'interfaces:\n  - { name: com.foo.A, vip: "::1" }\n',
    "i.yaml:2:29: '::1' can be no VIP: ::1/128 is loopback (RFC 4291); give an address that callers reach, or leave 'vip' out",
  ],
  [
    'interfaces:\n  - { name: com.foo.A, vip: "fe80::1" }\n',
    "i.yaml:2:29: 'fe80::1' can be no VIP: fe80::/10 is link-local (RFC 4291); give an address that callers reach, or leave 'vip' out",
  ],
  [
    'interfaces:\n  - { name: com.foo.A, vip: "ff02::1" }\n',
    "i.yaml:2:29: 'ff02::1' can be no VIP: ff00::/8 is multicast (RFC 4291); give an address that callers reach, or leave 'vip' out",
  ],
  [
    'interfaces:\n  - { name: com.foo.A, vip: "::ffff:10.0.0.1" }\n',
    "i.yaml:2:29: '::ffff:10.0.0.1' can be no VIP: ::ffff:0:0/96 is IPv4 addresses in IPv6 form (RFC 4291); give an address that callers reach, or leave 'vip' out",
  ],
  [
    'interfaces:\n  - { name: com.foo.A, vip: host.example }\n',
    "i.yaml:2:29: 'host.example' is no IPv4 or IPv6 address",
  ],
  [
    'interfaces:\n  - { name: com.foo.A, vip: 10.0.0.1/32 }\n',
    "i.yaml:2:29: '10.0.0.1/32' is no IPv4 or IPv6 address",
  ],
  [
    'interfaces:\n  - { name: com.foo.A, vip: 10 }\n',
    'i.yaml:2:29: \'vip\' is a number to YAML: quote it ("10")',
  ],
  ['interfaces:\n  - { name: com.foo.A, vip: [10.0.0.1] }\n', 'i.yaml:2:29: expected a text, found a list'],
  ['interfaces:\n  - { name: com.foo.A, port: 0 }\n', "i.yaml:2:30: '0': expected at least 1"],
  [
    'interfaces:\n  - { name: com.foo.A, port: "80" }\n',
    "i.yaml:2:30: 'port' is a text, expected a number: write it without quotes (80)",
  ],
  ['interfaces:\n  - { name: com.foo.A, port: http }\n', "i.yaml:2:30: 'http': expected a number"],
  ['interfaces:\n  - { name: com.foo.A, ttl: -1 }\n', "i.yaml:2:29: '-1': expected at least 0"],
  ['interfaces:\n  - { name: com.foo.A, ttl: 1h }\n', "i.yaml:2:29: '1h': expected a number"],
  [
    'interfaces:\n  - { name: com.foo.A, version: 1 }\n',
    'i.yaml:2:33: \'version\' is a number to YAML: quote it ("1")',
  ],
  [
    'interfaces:\n  - { name: com.foo.A, version: 1.10 }\n',
    'i.yaml:2:33: \'version\' is a number to YAML: quote it ("1.10")',
  ],
  [
    'interfaces:\n  - { name: com.foo.A, version: true }\n',
    'i.yaml:2:33: \'version\' is true or false to YAML: quote it ("true")',
  ],
  [
    'interfaces:\n  - { name: com.foo.A, version: "a/b" }\n',
    "i.yaml:2:33: version 'a/b': expected at most 255 characters, none of them '/', ':' or a control character",
  ],
  [
    'interfaces:\n  - { name: com.foo.A, group: "a:b" }\n',
    "i.yaml:2:31: group 'a:b': expected at most 255 characters, none of them '/', ':' or a control character",
  ],
  [
    `interfaces:\n  - { name: com.foo.A, group: ${'g'.repeat(256)} }\n`,
    `i.yaml:2:31: group '${'g'.repeat(100)}': expected at most 255 characters, none of them '/', ':' or a control character`,
  ],
  [
    'interfaces:\n  - { name: com.foo.A, protocol: "" }\n',
    "i.yaml:2:34: 'protocol' is empty: expected at least 1 character",
  ],
  [
    'interfaces:\n  - { name: com.foo.A, protocol: 5 }\n',
    'i.yaml:2:34: \'protocol\' is a number to YAML: quote it ("5")',
  ],
  [
    'interfaces:\n  - { name: com.foo.A, endpoints: 10.0.0.1:1 }\n',
    "i.yaml:2:35: '10.0.0.1:1': expected a list",
  ],
  [
    'interfaces:\n  - { name: com.foo.A, endpoints: [10.0.0.1] }\n',
    "i.yaml:2:36: '10.0.0.1': expected ADDRESS:PORT or HOST:PORT such as 10.0.0.1:20880 or [fd00::1]:20880",
  ],
  [
    'interfaces:\n  - { name: com.foo.A, endpoints: ["10.0.0.1:x"] }\n',
    "i.yaml:2:36: '10.0.0.1:x': expected ADDRESS:PORT or HOST:PORT such as 10.0.0.1:20880 or [fd00::1]:20880",
  ],
  [
    'interfaces:\n  - { name: com.foo.A, endpoints: ["fd00::1:1"] }\n',
    "i.yaml:2:36: 'fd00::1:1': expected ADDRESS:PORT or HOST:PORT such as 10.0.0.1:20880 or [fd00::1]:20880",
  ],
  [
    'interfaces:\n  - { name: com.foo.A, endpoints: [":1"] }\n',
    "i.yaml:2:36: ':1': expected ADDRESS:PORT or HOST:PORT such as 10.0.0.1:20880 or [fd00::1]:20880",
  ],
  [
    'interfaces:\n  - { name: com.foo.A, endpoints: [{ host: a, port: 1 }] }\n',
    'i.yaml:2:36: expected a text, found keys and values',
  ],
  ['interfaces:\n  - { name: com.foo.A, Port: 1 }\n', "i.yaml:2:24: unknown key 'Port': did you mean port?"],
  ['interfaces:\n  - { name: com.foo.A, vips: [] }\n', "i.yaml:2:24: unknown key 'vips': did you mean vip?"],
  [
    'interfaces:\n  - { name: com.foo.A, port: ${PORT} }\n',
    'i.yaml:2:31: Unexpected flow-map-start at node end',
  ],
  [
    'interfaces:\n  - { name: com.foo.A, port: 1 }\n  - { name: com.foo.A, port: 2 }\n',
    'i.yaml:3:5: com.foo.A is there twice, first at line 2',
  ],
  [
    'interfaces:\n- name: com.foo.A\n   port: 1\n',
    "i.yaml:2:9: Nested mappings are not allowed in compact mappings: quote a value that contains ': '",
  ],
  [
    'interfaces:\n  - name: com.foo.A: x\n',
    "i.yaml:2:11: Nested mappings are not allowed in compact mappings: quote a value that contains ': '",
  ],
];
