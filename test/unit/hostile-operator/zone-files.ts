import type { WrongText } from './rows.ts';

/** A good zone: what is behind it is wrong. */
const HEAD = '$ORIGIN a.example.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 10.0.0.1\n';

/** As a.zone. */
export const ZONE_FILES: readonly WrongText[] = [
  ['', 'a.zone:1:1: no SOA record: a zone needs one at its apex'],
  ['; nothing\n', 'a.zone:1:1: no SOA record: a zone needs one at its apex'],
  [
    '\u0000\u0000\u0000',
    'a.zone:1:1: control character U+0000: write it as \\000',
    'a.zone:1:2: control character U+0000: write it as \\000',
    'a.zone:1:3: control character U+0000: write it as \\000',
  ],
  [
    '$ORIGIN a.example.\n@ SOA ns h 1 2 3 4\n@ NS ns\nns A 10.0.0.1\n',
    'a.zone:2:19: expected the minimum (0 to 2147483647 seconds, or units as in 1h30m), found the end of the entry',
  ],
  [
    '$ORIGIN a.example.\n$TTL 60\n@ NS ns\nns A 10.0.0.1\n',
    'a.zone:1:1: no SOA record: a zone needs one at its apex',
  ],
  [
    '$ORIGIN a.example.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\nns A 10.0.0.1\n',
    'a.zone:3:1: no NS record at a.example.: a zone needs one at its apex',
  ],
  [
    '$ORIGIN a.example.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\n',
    'a.zone:4:1: NS leads to ns.a.example., which has no address in this zone',
  ],
  [
    '$ORIGIN a.example.\n$TTL 60\n@ SOA ns h 4294967296 2 3 4 5\n@ NS ns\nns A 10.0.0.1\n',
    "a.zone:3:12: expected the serial (0 to 4294967295), found '4294967296'",
  ],
  [
    '$ORIGIN a.example.\n$TTL 60\n@ SOA ns h 1 2 x 4 5\n@ NS ns\nns A 10.0.0.1\n',
    "a.zone:3:16: expected the retry time (0 to 4294967295 seconds, or units as in 1h30m), found 'x'",
  ],
  [
    '$ORIGIN *.example.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 10.0.0.1\n',
    'a.zone:4:1: NS at the wildcard *.example.: delegate each name',
    "a.zone:3:1: the zone *.example. is a wildcard: name the domain itself, without '*.'",
  ],
  [`${HEAD}@ SOA ns h 2 2 3 4 5\n`, 'a.zone:6:1: a second SOA record; the first stands at a.zone:3:1'],
  [
    `${HEAD}www CNAME ns\nwww A 10.0.0.2\n`,
    'a.zone:6:1: CNAME beside A at www.a.example.: a CNAME must be alone',
  ],
  [
    `${HEAD}www CNAME a\nwww CNAME b\n`,
    'a.zone:7:1: a second CNAME at www.a.example.; the first stands at a.zone:6:1',
  ],
  [`${HEAD}@ CNAME b.example.\n`, 'a.zone:6:1: CNAME beside SOA at a.example.: a CNAME must be alone'],
  [`${HEAD}b.example. A 10.0.0.2\n`, 'a.zone:6:1: b.example. is not in the zone a.example.'],
  [`${HEAD}www A 10.0.0\n`, "a.zone:6:7: expected an IPv4 address such as 192.0.2.1, found '10.0.0'"],
  [`${HEAD}www A\n`, 'a.zone:6:6: expected an IPv4 address such as 192.0.2.1, found the end of the entry'],
  [`${HEAD}www A 10.0.0.2 10.0.0.3\n`, "a.zone:6:16: '10.0.0.3' is too much behind the data of A"],
  [
    `${HEAD}www AAAA 10.0.0.2\n`,
    "a.zone:6:10: expected an IPv6 address such as 2001:db8::1, found '10.0.0.2'",
  ],
  [`${HEAD}www AAAA fd00::g\n`, "a.zone:6:10: expected an IPv6 address such as 2001:db8::1, found 'fd00::g'"],
  [`${HEAD}www B 10.0.0.2\n`, "a.zone:6:5: expected a type, found 'B'"],
  [`${HEAD}www IN\n`, 'a.zone:6:7: expected a type, found the end of the entry'],
  [`${HEAD}www CH A 10.0.0.2\n`, "a.zone:6:5: class 'CH': only IN is served"],
  [`${HEAD}www -5 A 10.0.0.2\n`, "a.zone:6:5: expected a type, found '-5'"],
  [`${HEAD}www 5000000000 A 10.0.0.2\n`, "a.zone:6:5: TTL '5000000000' is over 2147483647"],
  [`${HEAD}w..w A 10.0.0.2\n`, "a.zone:6:1: empty label in domain name 'w..w'"],
  [
    `${HEAD}${'w'.repeat(64)} A 10.0.0.2\n`,
    `a.zone:6:1: label over 63 octets in domain name '${'w'.repeat(64)}'`,
  ],
  [`${HEAD}www MX mail\n`, "a.zone:6:8: expected the preference (0 to 65535), found 'mail'"],
  [`${HEAD}www MX 70000 mail\n`, "a.zone:6:8: expected the preference (0 to 65535), found '70000'"],
  [`${HEAD}@ MX 10 www\nwww CNAME ns\n`, 'a.zone:6:1: MX leads to www.a.example., which is a CNAME'],
  [`${HEAD}_a._tcp SRV 0 0 ns 53\n`, "a.zone:6:17: expected the port (0 to 65535), found 'ns'"],
  [`${HEAD}_a._tcp SRV 0 0 70000 ns\n`, "a.zone:6:17: expected the port (0 to 65535), found '70000'"],
  [`${HEAD}www TXT "open\n`, "a.zone:6:9: '\"' is not closed on its line"],
  [
    `${HEAD}www TXT ${'x'.repeat(256)}\n`,
    'a.zone:6:9: a string of 256 octets, at most 255 fit: write several strings',
  ],
  [`${HEAD}www TXT (\n`, "a.zone:6:9: '(' is never closed"],
  [`${HEAD}www TXT )\n`, "a.zone:6:9: ')' without '('"],
  [`${HEAD}www A \\# 4 0a0000\n`, 'a.zone:6:10: the length is given as 4, but 3 octets follow'],
  [`${HEAD}$INCLUDE nope.zone\n`, "a.zone:6:10: $INCLUDE 'nope.zone': no such file"],
  [
    `${HEAD}$INCLUDE /etc/passwd\n`,
    "a.zone:6:10: $INCLUDE '/etc/passwd': it lies outside the zone's folder .",
  ],
  [`${HEAD}$INCLUDE\n`, 'a.zone:6:9: expected a file, found the end of the entry'],
  [`${HEAD}$INCLUDE a.zone\n`, 'a.zone:6:10: $INCLUDE goes in a circle: a.zone → a.zone'],
  [
    `${HEAD}$GENERATE 1-x h$ A 10.0.0.$\n`,
    "a.zone:6:11: expected a range such as 1-10 or 0-254/2, found '1-x'",
  ],
  [
    `${HEAD}$GENERATE 1-300 h$ A 10.0.0.$\n`,
    "a.zone:6:1: expected an IPv4 address such as 192.0.2.1, found '10.0.0.256' (for 256 of $GENERATE)",
  ],
  [`${HEAD}$ORIGN b.example.\n`, "a.zone:6:1: unknown directive '$ORIGN'; did you mean $ORIGIN?"],
  [
    `${HEAD}$TTL soon\n`,
    "a.zone:6:6: expected a TTL (0 to 2147483647 seconds, or units as in 1h30m), found 'soon'",
  ],
  [`${HEAD}$ORIGIN b..example.\n`, "a.zone:6:9: empty label in domain name 'b..example.'"],
  [
    `${HEAD}sub NS ns.sub\n`,
    'a.zone:6:1: NS leads to ns.sub.a.example., which has no address here (glue), and without it nobody gets there',
  ],
  [
    `${HEAD}sub NS ns\nwww.sub A 10.0.0.2\n`,
    'a.zone:7:1: A below the delegation of sub.a.example. is neither an address of a name server nor answered',
  ],
  [
    `${HEAD}sub NS ns\nsub TXT x\n`,
    'a.zone:7:1: TXT beside the NS of the delegation sub.a.example. is never answered',
  ],
  [
    `${HEAD}d DNAME b.example.\nx.d A 10.0.0.2\n`,
    'a.zone:7:1: A below the DNAME at d.a.example. is never answered',
  ],
  [`${HEAD}* NS ns\n`, 'a.zone:6:1: NS at the wildcard *.a.example.: delegate each name'],
  [`${HEAD}www LOC here\n`, "a.zone:6:9: expected the degrees of the latitude (0 to 90), found 'here'"],
  [`${HEAD}www CAA 0 issue\n`, 'a.zone:6:16: expected the value, found the end of the entry'],
  [`${HEAD}www HTTPS 1 . port=x\n`, 'a.zone:6:15: port: expected a port (0 to 65535)'],
  [`${HEAD}www DS 1 8 2 zz\n`, "a.zone:6:14: expected the digest in hex digits, found 'zz'"],
  [`${HEAD}www TYPE65536 \\# 0\n`, "a.zone:6:5: expected a type, found 'TYPE65536'"],
  [`${HEAD}www ANY \\# 0\n`, 'a.zone:6:5: type ANY is for questions, not for records'],
  [
    'www A 10.0.0.1\n',
    "a.zone:1:1: an owner name 'www' is relative, but no origin is known: end it with a dot, or add $ORIGIN",
  ],
  [
    `${HEAD}x A 10.0.0.1\n$GENERATE 0-4999 big AAAA fd00::$\n`,
    'a.zone:7:1: 5000 AAAA records at big.a.example.: a message holds 2330 of them, so none would be answered; leave 2670 out',
  ],
];
