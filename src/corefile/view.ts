import { block, cache, DENIAL, forward, zoneBlock } from './blocks.ts';
import type { CorefileOptions } from './options.ts';
import { bareNames, fullNames, kubernetesNames } from './patterns.ts';
import { BARE_NAMES_LIMITS, rewriteLines, whatWorks } from './rewrite.ts';
import { comment, type Section } from './section.ts';

/** The zones in a server block, bare names in another: the cluster's own block stays as it is. */
export function view(options: CorefileOptions): Section {
  const { zones, reverseZones, servers, version } = options;
  return {
    title: "CoreDNS, style view: two server blocks in front of the cluster's own, which stays as it is",
    notes: [
      ['Works', whatWorks(options, 2)],
      [
        'Costs',
        'CoreDNS looks at the name of every query before it chooses a block: about 30 % more CPU for names that have nothing to do with rpc-dns.',
      ],
      ['Cannot', BARE_NAMES_LIMITS],
      [
        'Apply',
        'kubectl -n kube-system edit configmap coredns: put both blocks in front of the one that begins with ".:53 {": behind it CoreDNS 1.14 refuses the file, and 1.15 never comes to them. CoreDNS reads it within two minutes (plugin reload).',
      ],
    ],
    body: [
      ...comment('full names, and the PTR records of the VIPs'),
      ...zoneBlock([...zones, ...reverseZones], servers, version),
      '',
      ...comment(
        'bare names, and full names behind a search domain; never a name of the shape of a Service or pod',
      ),
      ...block('.:53', [
        ...block('view rpc', [`expr ${expression(options)}`]),
        'errors',
        ...rewriteLines(options),
        ...forward('.', servers, version),
        ...cache(version, DENIAL.own),
      ]),
    ],
  };
}

function expression(options: CorefileOptions): string {
  const matches = (pattern: string) => `name() matches ${quotedString(pattern)}`;
  const wanted = [fullNames(options), bareNames(options)].map(matches).join(' || ');
  return `!(${matches(kubernetesNames(options))}) && (${wanted})`;
}

/** In the expression language a backslash begins an escape. */
function quotedString(pattern: string): string {
  return `'${pattern.replaceAll('\\', '\\\\')}'`;
}
