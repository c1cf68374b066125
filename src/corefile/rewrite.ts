import type { Lines } from './blocks.ts';
import type { CorefileOptions } from './options.ts';
import { bareNames, fullNames } from './patterns.ts';

/** Lead full and bare names into the zones; the answer names what was asked (`answer auto`). */
export function rewriteLines(options: CorefileOptions): Lines {
  return [
    `rewrite stop name regex ${fullNames(options)} {1}. answer auto`,
    `rewrite stop name regex ${bareNames(options)} {1}.${options.zones[0]}. answer auto`,
  ];
}

const SHOWN_PACKAGES = 12;

/** What rewriting brings; @param seconds after which a name just registered is answered at the latest */
export function whatWorks({ zones, packages, clusterDomain }: CorefileOptions, seconds: number): string {
  const shown = packages.slice(0, SHOWN_PACKAGES).join(', ');
  const more =
    packages.length > SHOWN_PACKAGES ? ` and ${packages.length - SHOWN_PACKAGES} more packages` : '';
  return `Every name below ${zones.join(', ')}; bare names of ${shown}${more}, as they are and behind every search domain but svc.${clusterDomain}; the PTR records of the VIPs. Each with one query for A and one for AAAA, none of which leaves the cluster. A name just registered is answered within ${seconds} s.`;
}

export const BARE_NAMES_LIMITS =
  "Bare names of other packages: they leave the cluster and fail. Bare names behind svc.… alone: they look like a Service's and are denied; a resolver goes on to its next search domain. A name that was denied before it was registered is denied again if rpc-dns goes away within the hour: of two stale entries CoreDNS takes the denial.";
