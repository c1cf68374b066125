/** What a cluster says of its Services and slices, in namespace `trade`, and documents of the file registry. */
import assert from 'node:assert/strict';
import { type Address, parseAddress } from '../../src/name/address.ts';
import type { ClusterChange } from '../../src/registry/cluster.ts';

export function addressOf(text: string): Address {
  const address = parseAddress(text);
  assert.ok(address !== undefined, text);
  return address;
}

/** @param ip undefined: headless */
export function serviceChange(name: string, ip: string | undefined, createdAt = 1): ClusterChange {
  return {
    kind: 'service',
    key: `trade/${name}`,
    service: {
      namespace: 'trade',
      name,
      uid: name,
      createdAt,
      addresses: ip === undefined ? [] : [addressOf(ip)],
      ports: [{ name: 'dubbo', port: 20880, targetPort: 20880 }],
      joins: true,
    },
  };
}

export function serviceGone(name: string): ClusterChange {
  return { kind: 'service', key: `trade/${name}`, service: undefined };
}

export function sliceChange(name: string, ...ips: readonly string[]): ClusterChange {
  return {
    kind: 'slice',
    key: `trade/${name}-1`,
    slice: {
      service: `trade/${name}`,
      addresses: ips.map(addressOf),
      ports: [{ name: 'dubbo', port: 20880 }],
    },
  };
}

/** A document with one interface for each name, all with these endpoints, at port 20880. */
export function documentOf(names: readonly string[], ...ips: readonly string[]): string {
  const endpoints = ips.map((ip) => `"${ip}:20880"`).join(', ');
  const entries = names.map((name) => `  - { name: ${name}, port: 20880, endpoints: [${endpoints}] }\n`);
  return names.length === 0 ? 'interfaces: []' : `interfaces:\n${entries.join('')}`;
}
