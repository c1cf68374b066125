/** The zone of a name, by its octets and by its text: they are the same, whatever zones come and go. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type DomainName, keyOf, prefixOf, ROOT } from '../../src/name/domain-name.ts';
import { octets } from '../../src/name/octets.ts';
import { StaticZone } from '../../src/zone/static-zone.ts';
import { TYPE } from '../../src/zone/types.ts';
import { ZoneData } from '../../src/zone/zone-data.ts';

const SOA = octets(`\x01n\0\x01h\0${'\0\0\0\x01'.repeat(5)}`);
const OPTIONS = { style: 'cname', ttl: 5, maxRecords: 100, rotates: false, ptrZone: ROOT } as const;

// labels that look like the ends of others, length octets included
const label = fc.constantFrom('a', 'A', 'b', 'x\x01a', '\x01a\x01b', 'ab', '\x00');
const name = fc
  .array(label, { maxLength: 5 })
  .map((labels) => ((prefixOf(...labels) ?? '') + ROOT) as DomainName);

function zoneAt(data: ZoneData, of: DomainName): string | undefined {
  const lower = Uint8Array.from(Buffer.from(keyOf(of), 'latin1'));
  const starts = new Uint8Array(128);
  let labels = 0;
  for (let at = 0; (lower[at] as number) > 0; at += (lower[at] as number) + 1) starts[labels++] = at;
  return data.zoneAt(lower, starts, labels, lower.length)?.apexKey;
}

test('by octets and by text a name is in the same zone', () => {
  const steps = fc.array(
    fc.tuple(fc.constantFrom('put', 'put', 'remove', 'ask', 'ask', 'ask', 'ask'), name),
    {
      minLength: 5,
      maxLength: 60,
    },
  );
  fc.assert(
    fc.property(steps, (list) => {
      const data = new ZoneData(OPTIONS, 7);
      for (const [what, of] of list) {
        if (what === 'put') {
          const zone = data.zoneBeside(of);
          assert.ok(zone instanceof StaticZone);
          zone.add({ name: of, type: TYPE.SOA, ttl: 5, rdata: SOA });
          data.putZone(zone, 'static', 1);
        } else if (what === 'remove') data.removeZone(keyOf(of));
        for (const [, asked] of list) assert.equal(zoneAt(data, asked), data.zoneOf(keyOf(asked))?.apexKey);
      }
      for (const zone of data.zones()) {
        const isAbove = [...data.zones()].some(
          (other) => other !== zone && data.zoneAbove(other.apexKey) === zone,
        );
        assert.equal(zone.hasZonesBelow, isAbove || hasBelow(data, zone.apexKey));
      }
    }),
    { numRuns: 300 },
  );
});

function hasBelow(data: ZoneData, apex: string): boolean {
  for (const other of data.zones()) {
    for (
      let above = data.zoneAbove(other.apexKey);
      above !== undefined;
      above = data.zoneAbove(above.apexKey)
    )
      if (above.apexKey === apex) return true;
  }
  return false;
}
