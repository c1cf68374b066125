import assert from 'node:assert/strict';
import { isIPv4, isIPv6 } from 'node:net';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import {
  type Address,
  addressText,
  isIpv4,
  parseAddress,
  parseIpv4,
  parseIpv6,
  splitHostPort,
} from '../../src/name/address.ts';
import { octetsOf, toHex } from '../../src/name/octets.ts';

const addressOf = (text: string): Address => parseAddress(text) ?? assert.fail(text);

suite('IPv4 addresses', () => {
  for (const text of ['0.0.0.0', '10.0.0.1', '255.255.255.255', '1.20.100.200']) {
    test(text, () => {
      const address = addressOf(text);
      assert.ok(isIpv4(address));
      assert.equal(addressText(address), text);
    });
  }
  for (const text of [
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.00',
    '1.2.3.4 ',
    ' 1.2.3.4',
    '1.2.3.-4',
    '0x1.2.3.4',
    '1.2.3.',
    '1..2.3',
    '1.2.3.4\n',
    '١.2.3.4',
  ]) {
    test(`${JSON.stringify(text)} is refused`, () => assert.equal(parseIpv4(text), undefined));
  }

  test('are what node:net takes for IPv4', () => {
    const near = fc.array(fc.constantFrom('0', '1', '25', '255', '256', '.', '.', '.', '01'), {
      maxLength: 9,
    });
    fc.assert(
      fc.property(near, (parts) =>
        assert.equal(parseIpv4(parts.join('')) !== undefined, isIPv4(parts.join(''))),
      ),
      { numRuns: 2000 },
    );
  });
});

suite('IPv6 addresses', () => {
  // RFC 4291 section 2.2, RFC 5952 sections 1, 2 and 4
  const table: readonly (readonly [text: string, written: string])[] = [
    ['ABCD:EF01:2345:6789:ABCD:EF01:2345:6789', 'abcd:ef01:2345:6789:abcd:ef01:2345:6789'],
    ['2001:DB8:0:0:8:800:200C:417A', '2001:db8::8:800:200c:417a'],
    ['FF01:0:0:0:0:0:0:101', 'ff01::101'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['0:0:0:0:0:0:13.1.68.3', '::d01:4403'],
    ['::FFFF:129.144.52.38', '::ffff:8190:3426'],
    ['2001:0db8:0000:0000:0001:0000:0000:0001', '2001:db8::1:0:0:1'],
    ['2001:db8::0:1', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:db8::1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:aaaa:bbbb:cccc:dddd:eeee:001', '2001:db8:aaaa:bbbb:cccc:dddd:eeee:1'],
    ['1::', '1::'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
    ['0:0:1::', '0:0:1::'],
    ['1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:102:304'],
    ['1::1.2.3.4', '1::102:304'],
  ];
  for (const [text, written] of table) {
    test(text, () => {
      assert.equal(addressText(addressOf(text)), written);
      assert.equal(addressOf(written), addressOf(text));
      assert.ok(!isIpv4(addressOf(text)));
    });
  }
  for (const text of [
    '',
    ':',
    ':::',
    '1',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '12345::',
    'g::',
    '1:2:3:4:5:6:7:8::',
    '::1.2.3',
    '::1.2.3.4:5',
    '1.2.3.4::',
    '::01.2.3.4',
    ':1::',
    '1::2:',
    'fe80::1%eth0',
    '[::1]',
    ' ::1',
  ]) {
    test(`${JSON.stringify(text)} is refused`, () => assert.equal(parseIpv6(text), undefined));
  }

  test('any address, to text and back; node:net takes the text for IPv6', () => {
    const sparse = fc.array(fc.constantFrom(0, 0, 0, 1, 255), { minLength: 16, maxLength: 16 });
    const dense = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => [...bytes]);
    fc.assert(
      fc.property(fc.oneof(sparse, dense), (bytes) => {
        const address = octetsOf(bytes) as Address;
        const text = addressText(address);
        assert.ok(isIPv6(text));
        assert.equal(addressOf(text), address);
        // the URL standard writes IPv6 hosts as RFC 5952 section 4 does
        assert.equal(new URL(`http://[${text}]/`).hostname, `[${text}]`);
      }),
      { numRuns: 1000 },
    );
  });

  test('are what node:net takes for IPv6, but for zone indexes', () => {
    const near = fc.array(
      fc.constantFrom('0', '1', 'ff', 'FFFF', '12345', ':', ':', '::', '1.2.3.4', 'g', ''),
      { maxLength: 17 },
    );
    fc.assert(
      fc.property(near, (parts) =>
        assert.equal(parseIpv6(parts.join('')) !== undefined, isIPv6(parts.join('')), parts.join('')),
      ),
      { numRuns: 5000 },
    );
    const whole = fc.ipV6();
    fc.assert(fc.property(whole, (text) => assert.equal(parseIpv6(text) !== undefined, isIPv6(text), text)));
    assert.equal(toHex(addressOf('::ffff:1.2.3.4')), '00000000000000000000ffff01020304');
  });
});

suite('host and port', () => {
  const table: readonly (readonly [text: string, host: string | undefined, port?: number])[] = [
    ['10.0.0.1:20880', '10.0.0.1', 20880],
    ['[fd00::1]:20880', 'fd00::1', 20880],
    ['host.example:1', 'host.example', 1],
    ['host:65535', 'host', 65535],
    ['host:65536', undefined],
    ['host:0', undefined],
    ['host', undefined],
    ['host:', undefined],
    [':80', undefined],
    ['fd00::1:80', undefined],
    ['[host]:80', undefined],
    ['[fd00::1]', undefined],
  ];
  for (const [text, host, port] of table) {
    test(text, () => assert.deepEqual(splitHostPort(text), host === undefined ? undefined : { host, port }));
  }
});
