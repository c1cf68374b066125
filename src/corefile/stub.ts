import { zoneBlock } from './blocks.ts';
import type { CorefileOptions } from './options.ts';
import type { Section } from './section.ts';

/** The zones in a server block of their own: for callers that write full names. */
export function stub(options: CorefileOptions): Section {
  const { zones, reverseZones, servers, version } = options;
  return {
    title: 'CoreDNS, style stub: the zones in a server block of their own',
    notes: [
      [
        'Works',
        `Every name below ${zones.join(', ')}; the PTR records of the VIPs. A name just registered is answered within 2 s.`,
      ],
      [
        'Costs',
        `Names of four dots or fewer (user-center.app.${zones[0]}) are tried behind every search domain before they are asked as they are: write the last dot. Other names cost nothing.`,
      ],
      [
        'Cannot',
        `Bare names: com.foo.UserService is asked behind every search domain and then as it is, 10 queries of which 4 leave the cluster, and fails. Write com.foo.UserService.${zones[0]}, or take style view or shared.`,
      ],
      [
        'Apply',
        'kubectl -n kube-system edit configmap coredns: add the block to those that are there. CoreDNS reads it within two minutes (plugin reload).',
      ],
    ],
    body: zoneBlock([...zones, ...reverseZones], servers, version),
  };
}
