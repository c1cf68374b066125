import type { ClusterFacts } from '../intake/cluster-facts.ts';
import { parseAddress } from '../name/address.ts';
import type { Endpoint } from '../registry/registration.ts';

/**
 * Endpoints with the zones of the nodes that they run on, as the clusters' EndpointSlices say them; what a registry says of
 * itself stays. The same list where nothing is to be added.
 */
export function withZones(
  endpoints: readonly Endpoint[],
  clusters: readonly ClusterFacts[],
): readonly Endpoint[] {
  const zoned = clusters.filter(({ hasZones }) => hasZones);
  if (zoned.length === 0) return endpoints;
  let isSame = true;
  const found = endpoints.map((endpoint) => {
    const zone = endpoint.locality === undefined ? zoneOf(endpoint.host, zoned) : '';
    if (zone === '') return endpoint;
    isSame = false;
    return { ...endpoint, locality: { region: '', zone } };
  });
  return isSame ? endpoints : found;
}

function zoneOf(host: string, clusters: readonly ClusterFacts[]): string {
  const address = parseAddress(host);
  if (address === undefined) return '';
  for (const cluster of clusters) {
    for (const { addresses, zones } of cluster.slicesAt(address)) {
      const zone = zones?.[addresses.indexOf(address)] ?? '';
      if (zone !== '') return zone;
    }
  }
  return '';
}
