import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { toShortText } from '../../src/name/domain-name.ts';
import { fromHex, octets, toHex } from '../../src/name/octets.ts';
import {
  additionalTarget,
  checkRdata,
  compressibleNames,
  rdataKey,
  rdataText,
} from '../../src/zone/rdata/formats.ts';
import { TYPE } from '../../src/zone/types.ts';
import { nameOf, readRdata, typeOf } from './zone-fixtures.ts';

interface Example {
  readonly type: string;
  readonly text: string;
  /** Blanks are for the eye. */
  readonly hex?: string;
  /** How it is written back; as `text` by default. */
  readonly written?: string;
  /** Whether one octet more, or less, makes other data of the same type. */
  readonly open?: 'more' | 'both';
}

const FOO = '03 666f6f 07 6578616d706c65 03 636f6d 00';
const FOO_ORG = '03 666f6f 07 6578616d706c65 03 6f7267 00';
const SHA1 = '2bb183af5f22588179a53b0a98631fad1a292118';
const SHA256 = 'd2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971';

const EXAMPLES: readonly Example[] = [
  { type: 'A', text: '192.0.2.1', hex: 'c0000201' },
  { type: 'A', text: '0.0.0.0', hex: '00000000' },
  { type: 'A', text: '255.255.255.255', hex: 'ffffffff' },
  { type: 'A', text: '\\# 4 0A 000001', hex: '0a000001', written: '10.0.0.1' },
  { type: 'AAAA', text: '2001:db8::1', hex: '20010db8 00000000 00000000 00000001' },
  { type: 'AAAA', text: '2001:DB8:0:0:0:0:0:1', written: '2001:db8::1' },
  { type: 'AAAA', text: '::', hex: '00000000 00000000 00000000 00000000' },
  { type: 'AAAA', text: '64:ff9b::192.0.2.33', written: '64:ff9b::c000:221' },
  { type: 'NS', text: 'ns.example.', hex: '02 6e73 07 6578616d706c65 00' },
  { type: 'NS', text: '.', hex: '00' },
  { type: 'NS', text: '@', written: 'example.' },
  { type: 'NS', text: 'Ns\\.1', hex: '04 4e732e31 07 6578616d706c65 00', written: 'Ns\\.1.example.' },
  { type: 'CNAME', text: 'foo.example.com.', hex: FOO },
  { type: 'DNAME', text: 'foo.example.com.', hex: FOO },
  { type: 'PTR', text: 'com\\.foo\\.User._dubbo._tcp.example.' },
  { type: 'MX', text: '10 foo.example.com.', hex: `000a ${FOO}` },
  { type: 'MX', text: '0 .', hex: '0000 00' },
  {
    type: 'SOA',
    text: '. a\\.b.example. 4294967295 1h30m 15M 2w1d 2s',
    hex: '00 03 612e62 07 6578616d706c65 00 ffffffff 00001518 00000384 00 13c680 00000002',
    written: '. a\\.b.example. 4294967295 5400 900 1296000 2',
  },
  { type: 'TXT', text: '"v=spf1 -all"', hex: '0b 763d73706631202d616c6c', open: 'more' },
  { type: 'TXT', text: 'a "b c" ""', hex: '01 61 03 622063 00', written: '"a" "b c" ""', open: 'both' },
  { type: 'TXT', text: '""', hex: '00', open: 'more' },
  {
    type: 'TXT',
    text: '"\\"\\\\\\000\\255\\;;"',
    hex: '06 22 5c 00 ff 3b 3b',
    written: '"\\"\\\\\\000\\255;;"',
    open: 'more',
  },
  { type: 'TXT', text: 'a\\ b\\"c', hex: '05 6120622263', written: '"a b\\"c"', open: 'more' },
  { type: 'TXT', text: `"${'x'.repeat(255)}"`, open: 'more' },
  { type: 'TXT', text: '"\\# 1"', hex: '03 232031', written: '"# 1"', open: 'more' },
  { type: 'SRV', text: '0 5 5060 foo.example.com.', hex: `0000 0005 13c4 ${FOO}` },
  {
    type: 'CAA',
    text: '0 issue "ca1.example.net"',
    hex: '00 05 6973737565 6361312e6578616d706c652e6e6574',
    open: 'both',
  },
  {
    type: 'CAA',
    text: '128 tbs Unknown',
    hex: '80 03 746273 556e6b6e6f776e',
    written: '128 tbs "Unknown"',
    open: 'both',
  },
  { type: 'CAA', text: '0 issue ""', hex: '00 05 6973737565', open: 'more' },
  { type: 'CAA', text: `0 issue "${'y'.repeat(300)}"`, open: 'both' },
  {
    type: 'NAPTR',
    text: '100 50 "s" "z3950+I2L+I2C" "" _z3950._tcp.gatech.edu.',
    hex: '0064 0032 01 73 0d 7a333935302b49324c2b493243 00 06 5f7a33393530 04 5f746370 06 676174656368 03 656475 00',
  },
  {
    type: 'NAPTR',
    text: '100 10 u E2U+sip "!^.*$!sip:info@example.com!i" .',
    written: '100 10 "u" "E2U+sip" "!^.*$!sip:info@example.com!i" .',
  },
  { type: 'NAPTR', text: '0 0 "" "" "/(.*)/a\\\\/\\\\1/" .' },
  { type: 'SVCB', text: '0 foo.example.com.', hex: `0000 ${FOO}` },
  { type: 'HTTPS', text: '1 .', hex: '0001 00' },
  { type: 'SVCB', text: '16 foo.example.com. port=53', hex: `0010 ${FOO} 0003 0002 0035` },
  {
    type: 'SVCB',
    text: '1 foo.example.com. key667="hello"',
    hex: `0001 ${FOO} 029b 0005 68656c6c6f`,
    written: '1 foo.example.com. key667=hello',
  },
  {
    type: 'SVCB',
    text: '1 foo.example.com. key667="hello\\210qoo"',
    hex: `0001 ${FOO} 029b 0009 68656c6c6fd2716f6f`,
  },
  {
    type: 'SVCB',
    text: '1 foo.example.com. ipv6hint="2001:db8::1,2001:db8::53:1"',
    hex: `0001 ${FOO} 0006 0020 20010db8000000000000000000000001 20010db8000000000000000000530001`,
    written: '1 foo.example.com. ipv6hint=2001:db8::1,2001:db8::53:1',
  },
  {
    type: 'SVCB',
    text: '1 example.com. ipv6hint="2001:db8:122:344::192.0.2.33"',
    hex: '0001 07 6578616d706c65 03 636f6d 00 0006 0010 20010db8012203440000 0000c0000221',
    written: '1 example.com. ipv6hint=2001:db8:122:344::c000:221',
  },
  {
    type: 'SVCB',
    text: '16 foo.example.org. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1',
    hex: `0010 ${FOO_ORG} 0000 0004 0001 0004 0001 0009 02 6832 05 68332d3139 0004 0004 c0000201`,
    written: '16 foo.example.org. mandatory=alpn,ipv4hint alpn=h2,h3-19 ipv4hint=192.0.2.1',
  },
  {
    type: 'SVCB',
    text: '16 foo.example.org. alpn="f\\\\\\\\oo\\\\,bar,h2"',
    hex: `0010 ${FOO_ORG} 0001 000c 08 665c6f6f2c626172 02 6832`,
  },
  {
    type: 'SVCB',
    text: '16 foo.example.org. alpn=f\\\\\\092oo\\092,bar,h2',
    hex: `0010 ${FOO_ORG} 0001 000c 08 665c6f6f2c626172 02 6832`,
    written: '16 foo.example.org. alpn="f\\\\\\\\oo\\\\,bar,h2"',
  },
  {
    type: 'HTTPS',
    text: '1 . key65534 dohpath="/q{?dns}" no-default-alpn ech=AAEC alpn="h2"',
    hex: '0001 00 0001 0003 02 6832 0002 0000 0005 0003 000102 0007 0008 2f717b3f646e737d fffe 0000',
    written: '1 . alpn=h2 no-default-alpn ech=AAEC dohpath="/q{?dns}" key65534',
  },
  { type: 'HTTPS', text: '1 . key1=\\002h3', hex: '0001 00 0001 0003 02 6833', written: '1 . alpn=h3' },
  { type: 'HTTPS', text: '1 . alpn="a b"', hex: '0001 00 0001 0004 03 612062' },
  { type: 'TLSA', text: `0 0 1 ${SHA256}`, hex: `00 00 01 ${SHA256}` },
  {
    type: 'TLSA',
    text: `3 1 1 ${SHA256.slice(0, 21)} ${SHA256.slice(21).toUpperCase()}`,
    written: `3 1 1 ${SHA256}`,
  },
  { type: 'TLSA', text: '3 1 0 0102', hex: '03 01 00 0102', open: 'both' },
  {
    type: 'SSHFP',
    text: '2 1 123456789abcdef67890123456789abcdef67890',
    hex: '02 01 123456789abcdef67890123456789abcdef67890',
  },
  { type: 'SSHFP', text: '4 7 00ff', open: 'both' },
  {
    type: 'DS',
    text: `60485 5 1 ( 2BB183AF5F22588179A53B0A\n 98631FAD1A292118 )`,
    hex: `ec45 05 01 ${SHA1}`,
    written: `60485 5 1 ${SHA1}`,
  },
  {
    type: 'DS',
    text: `1 ecdsap256sha256 2 ${SHA256}`,
    hex: `0001 0d 02 ${SHA256}`,
    written: `1 13 2 ${SHA256}`,
  },
  {
    type: 'LOC',
    text: '42 21 54 N 71 06 18 W -24m 30m',
    hex: '00 33 16 13 89172dd0 70be15f0 00988d20',
    written: '42 21 54.000 N 71 6 18.000 W -24.00m 30m 10000m 10m',
  },
  {
    type: 'LOC',
    text: '90 S 180 E 0',
    hex: '00 12 16 13 6cb02700 a69fb200 00989680',
    written: '90 0 0.000 S 180 0 0.000 E 0.00m 1m 10000m 10m',
  },
  {
    type: 'LOC',
    text: '0 0 0.001 s 0 59 59.999 e -100000.00m 0 90000000m 0.5m',
    written: '0 0 0.001 S 0 59 59.999 E -100000.00m 0m 90000000m 0.50m',
  },
  { type: 'LOC', text: '52 14 5.000 N 0 8 50.000 E 42849672.95m 1m 10000m 10m' },
  {
    type: 'LOC',
    text: '1 N 1 E 1.5m 25m 1.99m 0.01m',
    written: '1 0 0.000 N 1 0 0.000 E 1.50m 20m 1m 0.01m',
  },
  { type: 'HINFO', text: '"AMD64" "Linux"', hex: '05 414d443634 05 4c696e7578' },
  { type: 'HINFO', text: 'a ""', hex: '01 61 00', written: '"a" ""' },
  { type: 'TYPE65280', text: '\\# 3 a1 b203', hex: 'a1b203', written: '\\# 3 a1b203', open: 'both' },
  { type: 'TYPE65280', text: '\\# 0', hex: '', open: 'both' },
  { type: 'RRSIG', text: '\\# 2 0001', hex: '0001', open: 'both' },
];

suite('RDATA of each type', () => {
  for (const { type, text, hex, written = text, open } of EXAMPLES) {
    test(`${type} ${text.slice(0, 70)}`, () => {
      const code = typeOf(type);
      const rdata = octets(readRdata(type, text));
      if (hex !== undefined) assert.equal(toHex(rdata), hex.replaceAll(' ', ''));
      assert.equal(checkRdata(code, rdata), undefined);
      assert.equal(rdataText(code, rdata), written);
      assert.equal(readRdata(type, written), rdata);
      assert.equal(readRdata(type, `\\# ${rdata.length} ${toHex(rdata)}`), rdata);

      const shorter = octets(rdata.slice(0, -1));
      const longer = octets(`${rdata}\0`);
      assert.equal(checkRdata(code, shorter) === undefined, open === 'both', 'one octet less');
      assert.equal(checkRdata(code, longer) === undefined, open !== undefined, 'one octet more');
      if (checkRdata(code, longer) !== undefined) {
        assert.equal(rdataText(code, longer), `\\# ${longer.length} ${toHex(longer)}`);
      }
    });
  }

  test('covers every type that is understood', () => {
    const missing = Object.keys(TYPE).filter((type) => !EXAMPLES.some((example) => example.type === type));
    assert.deepEqual(missing, ['OPT', 'NSEC', 'DNSKEY', 'NSEC3', 'TSIG', 'IXFR', 'AXFR', 'ANY']);
  });
});

suite('RDATA that is refused, with the column', () => {
  const long = 'x'.repeat(256);
  const table: readonly (readonly [type: string, text: string, failure: string])[] = [
    ['A', '1.2.3', "1: expected an IPv4 address such as 192.0.2.1, found '1.2.3'"],
    ['A', '1.2.3.04', "1: expected an IPv4 address such as 192.0.2.1, found '1.2.3.04'"],
    ['A', '1.2.3.256', "1: expected an IPv4 address such as 192.0.2.1, found '1.2.3.256'"],
    ['A', '"1.2.3.4"', '1: expected an IPv4 address such as 192.0.2.1, found the quoted "1.2.3.4"'],
    ['A', '1.2.3.4 5', "9: '5' is too much behind the data of A"],
    ['AAAA', '1::2::3', "1: expected an IPv6 address such as 2001:db8::1, found '1::2::3'"],
    ['AAAA', 'fe80::1%eth0', "1: expected an IPv6 address such as 2001:db8::1, found 'fe80::1%eth0'"],
    ['NS', 'a..b', "1: empty label in domain name 'a..b'"],
    ['MX', '10', '3: expected a mail server, found the end of the entry'],
    ['MX', '65536 a', "1: expected the preference (0 to 65535), found '65536'"],
    ['MX', '-1 a', "1: expected the preference (0 to 65535), found '-1'"],
    [
      'SOA',
      'a admin@example.com. 1 2 3 4 5',
      "3: mailbox 'admin@example.com.': write it as a name, with a dot in place of the '@'",
    ],
    ['SOA', 'a b 1h 2 3 4 5', "5: expected the serial (0 to 4294967295), found '1h'"],
    [
      'SOA',
      'a b 1 2x 3 4 5',
      "7: expected the refresh time (0 to 4294967295 seconds, or units as in 1h30m), found '2x'",
    ],
    [
      'SOA',
      'a b 1 2 3 4 4294967295',
      "13: expected the minimum (0 to 2147483647 seconds, or units as in 1h30m), found '4294967295'",
    ],
    ['TXT', `a ${long}`, '3: a string of 256 octets, at most 255 fit: write several strings'],
    ['TXT', '"a" "\\256"', "5: a string: '\\256': expected three digits up to \\255"],
    ['TXT', 'k="v w"', `1: a string 'k="v w"': put the quotes around the whole string`],
    ['HINFO', 'a', '2: expected the operating system, found the end of the entry'],
    ['HINFO', 'a b c', "5: 'c' is too much behind the data of HINFO"],
    ['CAA', '256 issue a', "1: expected the flags (0 to 255), found '256'"],
    ['CAA', '0 is-sue a', "3: tag 'is-sue': expected 1 to 255 letters and digits"],
    ['NAPTR', '1 1 "!" "" "" .', '5: the flags are not letters and digits'],
    [
      'NAPTR',
      '1 1 "u" "" "!a!b" .',
      "12: the regular expression '!a!b' is not of the form !expression!replacement!",
    ],
    ['NAPTR', '1 1 "u" "" "!a!b!" c', "20: with a regular expression the replacement must be '.'"],
    ['SRV', '0 0 65536 a', "5: expected the port (0 to 65535), found '65536'"],
    ['SVCB', '0 a alpn=h2', '5: priority 0 is an alias, which has no parameters'],
    ['SVCB', '1 a apln=h2', "5: unknown parameter 'apln=h2'; did you mean alpn?"],
    ['SVCB', '1 a key65535=a', "5: unknown parameter 'key65535=a'"],
    ['SVCB', '1 a key01=a', "5: unknown parameter 'key01=a'"],
    ['SVCB', '1 a key123=abc key123=def', '16: key123 twice'],
    ['SVCB', '1 a port=1 key3=\\000\\001', '12: port twice'],
    ['SVCB', '1 a mandatory', "5: mandatory: unknown key ''"],
    ['SVCB', '1 a alpn', '5: alpn: an item of the list is empty'],
    ['SVCB', '1 a alpn=h2,', '5: alpn: an item of the list is empty'],
    ['SVCB', '1 a alpn="a\\\\b"', "5: alpn: in a list only '\\\\,' and '\\\\\\\\' may follow a backslash"],
    ['SVCB', `1 a alpn=${long}`, '5: alpn: a protocol of 256 octets, at most 255 fit'],
    ['SVCB', '1 a port', '5: port: expected a port (0 to 65535)'],
    ['SVCB', '1 a port=65536', '5: port: expected a port (0 to 65535)'],
    ['SVCB', '1 a ipv4hint', "5: ipv4hint: expected IPv4 addresses, found ''"],
    ['SVCB', '1 a ipv4hint=1.2.3.4,::1', "5: ipv4hint: expected IPv4 addresses, found '::1'"],
    ['SVCB', '1 a ipv6hint=', "5: ipv6hint: expected IPv6 addresses, found ''"],
    ['SVCB', '1 a ech=A', '5: ech: expected base64'],
    ['SVCB', '1 a dohpath=/q', "5: dohpath: expected a path with '{?dns}'"],
    ['SVCB', '1 a alpn=h2 no-default-alpn=abc', '13: no-default-alpn: expected no value'],
    ['SVCB', '1 a no-default-alpn', '5: no-default-alpn without alpn'],
    ['SVCB', '1 a mandatory=key123', '5: mandatory names key123, which is missing'],
    ['SVCB', '1 a mandatory=mandatory', "5: mandatory: 'mandatory' does not name itself"],
    ['SVCB', '1 a mandatory=key123,key123 key123=abc', '5: mandatory: key123 twice'],
    ['SVCB', '1 a mandatory=key4294967296', "5: mandatory: unknown key 'key4294967296'"],
    ['TLSA', '3 1 1 0102', '7: a digest of type 1 has 32 octets, found 2'],
    ['TLSA', '3 1 1', '6: expected the certificate data, found the end of the entry'],
    ['SSHFP', '4 2 abc', '5: the fingerprint has an odd number of hex digits (3)'],
    ['SSHFP', '4 2 ab 0x', "8: expected the fingerprint in hex digits, found '0x'"],
    ['DS', `1 RSASHA3 2 ${SHA256}`, "3: expected the algorithm (0 to 255), found 'RSASHA3'"],
    ['DS', `1 8 2 ${SHA1}`, '7: a digest of type 2 has 32 octets, found 20'],
    ['LOC', '91 N 0 E 0', "1: expected the degrees of the latitude (0 to 90), found '91'"],
    ['LOC', '90 0 0.001 N 0 E 0', '6: the latitude is over 90 degrees'],
    ['LOC', '1 60 N 0 E 0', "3: expected the minutes of the latitude, or N or S (0 to 59), found '60'"],
    [
      'LOC',
      '1 1 1.2345 N 0 E 0',
      "5: expected the seconds of the latitude, or N or S (0 to 59.999), found '1.2345'",
    ],
    ['LOC', '1 1 1 E 0 E 0', "7: expected N or S, found 'E'"],
    ['LOC', '1 N 1 E', '8: expected the altitude (-100000 to 42849672.95m), found the end of the entry'],
    ['LOC', '1 N 1 E 1m 1m 1m 1m 1m', "21: '1m' is too much behind the data of LOC"],
    ['LOC', '1 N 1 E 1m 90000001m', "12: expected the size (0 to 90000000m), found '90000001m'"],
    ['TYPE65280', 'abc', "1: data of TYPE65280 is only read in the form '\\# LENGTH HEX' (RFC 3597)"],
    ['TYPE65280', '\\# 2 01', '4: the length is given as 2, but 1 octets follow'],
    ['TYPE65280', '\\# x', "4: expected the length of the data (0 to 65535), found 'x'"],
    ['A', '\\# 3 010203', '1: not the data of A: an IPv4 address needs 4 octets, 3 are left'],
  ];
  for (const [type, text, failure] of table) {
    test(`${type} ${text.slice(0, 70)}`, () => assert.equal(readRdata(type, text), failure));
  }
});

suite('malformed wire forms', () => {
  const table: readonly (readonly [type: string, hex: string, reason: string])[] = [
    ['NS', 'c000', 'a name server is no uncompressed domain name of at most 255 octets'],
    [
      'NS',
      `${'3f'.padEnd(128, '61').repeat(4)}00`,
      'a name server is no uncompressed domain name of at most 255 octets',
    ],
    ['TXT', '', 'a string needs 1 octets, 0 are left'],
    ['CAA', '000161', ''],
    ['CAA', '00016161', ''],
    ['CAA', '00012d61', 'the tag is not 1 to 255 letters and digits'],
    ['CAA', '000061', 'the tag is not 1 to 255 letters and digits'],
    ['SVCB', '0001 00 0003 0002 0035 0001 0003 026832', 'alpn stands behind port: keys must ascend'],
    ['SVCB', '0001 00 0003 0002 0035 0003 0002 0035', 'port stands behind port: keys must ascend'],
    ['SVCB', '0001 00 ffff 0000', 'key65535 is reserved'],
    ['SVCB', '0001 00 0000 0004 0003 0001', 'mandatory: the keys are not in ascending order'],
    ['SVCB', '0001 00 0001 0000', 'alpn: expected at least one protocol'],
    ['SVCB', '0001 00 0001 0002 0368', 'alpn: expected protocols of 1 to 255 octets'],
    ['SVCB', '0000 00 0003 0002 0035', 'priority 0 is an alias, which has no parameters'],
    ['LOC', '01 33 16 13 89172dd0 70be15f0 00988d20', 'version 1 of LOC is unknown'],
    ['LOC', '00 a3 16 13 89172dd0 70be15f0 00988d20', 'the size 0xa3 is not a digit and a power of ten'],
    ['LOC', '00 33 16 13 ffffffff 70be15f0 00988d20', 'the latitude is over 90 degrees'],
  ];
  for (const [type, hex, reason] of table) {
    test(`${type} ${hex.slice(0, 70)}`, () => {
      const rdata = fromHex(hex.replaceAll(' ', ''));
      assert.ok(rdata !== undefined);
      assert.equal(checkRdata(typeOf(type), rdata) ?? '', reason);
    });
  }
});

suite('names in RDATA', () => {
  test('only the types of RFC 1035 may be compressed', () => {
    const types = Object.entries(TYPE).filter(([, code]) => compressibleNames(code) !== undefined);
    assert.deepEqual(
      types.map(([name]) => name),
      ['NS', 'CNAME', 'SOA', 'PTR', 'MX'],
    );
    assert.deepEqual(compressibleNames(TYPE.MX), { before: 2, count: 1, compress: true });
    assert.deepEqual(compressibleNames(TYPE.SOA), { before: 0, count: 2, compress: true });
  });

  const targets: readonly (readonly [type: string, text: string, target: string | undefined])[] = [
    ['NS', 'ns', 'ns.example'],
    ['MX', '10 mail', 'mail.example'],
    ['MX', '0 .', undefined],
    ['SRV', '0 0 80 host', 'host.example'],
    ['SRV', '0 0 0 .', undefined],
    ['SVCB', '1 svc alpn=h2', 'svc.example'],
    ['SVCB', '0 svc', 'svc.example'],
    ['HTTPS', '1 . alpn=h2', 'owner'],
    ['HTTPS', '0 .', undefined],
    ['CNAME', 'host', undefined],
    ['PTR', 'host', undefined],
    ['A', '1.2.3.4', undefined],
    ['TYPE65280', '\\# 0', undefined],
  ];
  for (const [type, text, expected] of targets) {
    test(`the additional target of ${type} ${text}`, () => {
      const target = additionalTarget(typeOf(type), octets(readRdata(type, text)), nameOf('owner.'));
      assert.equal(target === undefined ? undefined : toShortText(target), expected);
    });
  }

  test('data is equal without regard to the case of names in it, and only of those', () => {
    const same = (type: string, a: string, b: string) =>
      rdataKey(typeOf(type), octets(readRdata(type, a))) ===
      rdataKey(typeOf(type), octets(readRdata(type, b)));
    assert.ok(same('NS', 'NS', 'ns'));
    assert.ok(same('SOA', 'NS Admin 1 2 3 4 5', 'ns admin 1 2 3 4 5'));
    assert.ok(same('SVCB', '1 Host alpn=h2', '1 host alpn=h2'));
    assert.ok(!same('SVCB', '1 host alpn=H2', '1 host alpn=h2'));
    assert.ok(!same('TXT', 'A', 'a'));
    assert.ok(!same('MX', '16705 a', '24929 a')); // 0x4141, 0x6161
  });
});
