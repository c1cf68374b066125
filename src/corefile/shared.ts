import { block, cache, DENIAL, forward, type Lines, zoneBlock } from './blocks.ts';
import type { CorefileOptions } from './options.ts';
import { kubernetesNames } from './patterns.ts';
import { BARE_NAMES_LIMITS, rewriteLines, whatWorks } from './rewrite.ts';
import { comment, type Section } from './section.ts';

/** The cluster's own server block, as kubeadm 1.35 makes it, with the lines of rpc-dns in it. */
export function shared(options: CorefileOptions): Section {
  const { reverseZones, servers, version } = options;
  return {
    title: "CoreDNS, style shared: the lines of rpc-dns in the cluster's own server block",
    notes: [
      ['Works', whatWorks(options, 3)],
      [
        'Costs',
        "A mistake in this block takes the cluster's DNS along. A query that is not in the cache passes up to three regular expressions, about 5 µs of CPU. The cache is one for all names of the block: those of Services are kept for up to 30 s too (kubeadm exempts them), and what an upstream said last is given for an hour while it is away.",
      ],
      ['Cannot', BARE_NAMES_LIMITS],
      [
        'Apply',
        'kubectl -n kube-system edit configmap coredns. This is the block of kubeadm 1.35: in one that was changed, put in what is marked "new" and change what is marked "in place of". CoreDNS reads it within two minutes (plugin reload).',
      ],
    ],
    body: [
      ...clusterBlock(options),
      ...(reverseZones.length === 0
        ? []
        : ['', ...marked('new: the PTR records of the VIPs'), ...zoneBlock(reverseZones, servers, version)]),
    ],
  };
}

function clusterBlock(options: CorefileOptions): Lines {
  const { zones, servers, version, clusterDomain } = options;
  return block('.:53', [
    'errors',
    ...block('health', ['lameduck 5s']),
    'ready',
    ...marked('new: names of the shape of a Service or pod stay as they are'),
    `rewrite stop name regex ${kubernetesNames(options)} {1}.`,
    ...marked('new: full names without the search domain behind them; bare names'),
    ...rewriteLines(options),
    ...block(`kubernetes ${clusterDomain} in-addr.arpa ip6.arpa`, kubernetesOptions(options)),
    'prometheus :9153',
    ...marked('new, in front of "forward . …"'),
    ...zones.flatMap((zone) => forward(zone, servers, version)),
    ...block('forward . /etc/resolv.conf', ['max_concurrent 1000']),
    ...marked(
      `in place of "cache 30 { … }"; without "disable … ${clusterDomain}", which would exempt the names of rpc-dns`,
    ),
    ...cache(version, DENIAL.shared),
    'loop',
    'reload',
    'loadbalance',
  ]);
}

/** `kubernetes` answers for the whole cluster domain: what it does not know of the zones has to fall through. */
function kubernetesOptions({ zones, clusterDomain }: CorefileOptions): Lines {
  const below = zones.filter((zone) => zone.endsWith(`.${clusterDomain}`));
  const fallthrough = ['fallthrough', ...below, 'in-addr.arpa ip6.arpa'].join(' ');
  const marker = below.length === 0 ? [] : marked('in place of "fallthrough in-addr.arpa ip6.arpa"');
  return ['pods insecure', ...marker, fallthrough, 'ttl 30'];
}

function marked(text: string): string[] {
  return comment(`rpc-dns, ${text}`);
}
