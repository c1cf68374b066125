import type { Lines } from './blocks.ts';
import type { CorefileOptions } from './options.ts';
import { QUOTE, type Section } from './section.ts';
import { stubDomainText } from './server-address.ts';

/** The ConfigMap of kube-dns, which NodeLocal DNSCache reads too. */
export function kubeDns(options: CorefileOptions): Section {
  const { zones, servers } = options;
  const ipv6 = servers.some(({ isIpv6 }) => isIpv6) ? ' An older kube-dns takes no IPv6 address.' : '';
  return {
    title: 'kube-dns, where it stands in place of CoreDNS: ConfigMap kube-dns',
    notes: [
      ['Works', `Every name below ${zones.join(', ')}; the PTR records of the VIPs.`],
      [
        'Cannot',
        `Bare names: kube-dns goes by the ends of names and rewrites none. A pod that has to call them gets "dnsConfig: {searches: [${zones[0]}]}", which Kubernetes puts behind the cluster's own search domains; in front of them "order.trade.svc" would become an interface. Names of five dots or more are asked bare all the same: by glibc first, by musl only.`,
      ],
      [
        'Apply',
        `kubectl -n kube-system edit configmap kube-dns, without the "${QUOTE}": merge it with what is there. Addresses only: with a host name node-local-dns does not start.${ipv6}`,
      ],
    ],
    body: configMap(options),
  };
}

function configMap({ zones, reverseZones, servers }: CorefileOptions): Lines {
  const addresses = JSON.stringify(servers.map(stubDomainText));
  const domains = [...zones, ...reverseZones].map((zone) => `${JSON.stringify(zone)}: ${addresses}`);
  return [
    'apiVersion: v1',
    'kind: ConfigMap',
    'metadata:',
    '  name: kube-dns',
    '  namespace: kube-system',
    'data:',
    '  stubDomains: |',
    `    {${domains.join(',\n     ')}}`,
  ].flatMap((line) => line.split('\n'));
}
