import { block, DENIAL, type Lines } from './blocks.ts';
import type { CorefileOptions } from './options.ts';
import { QUOTE, type Section } from './section.ts';
import { forwardText } from './server-address.ts';

/** For the cache on each node that stands between pods and CoreDNS. */
export function nodeLocal(options: CorefileOptions): Section {
  return {
    title: 'NodeLocal DNSCache, where it stands in front of CoreDNS: ConfigMap node-local-dns',
    notes: [
      [
        'Works',
        'Full names, straight from rpc-dns. The ConfigMap kube-dns above brings the same, but keeps a denial for 5 s.',
      ],
      [
        'Cannot',
        `Bare names by itself. With style view or shared in CoreDNS those of four dots or fewer work, since they are asked behind ${options.clusterDomain}, which is forwarded there; have that block say "denial 9984 5 0" for "denial 9984 5", or a name just registered stays denied for 5 s. Names of five dots or more are asked bare and leave the cluster by the block ".:53", unless that says "forward . __PILLAR__CLUSTER__DNS__".`,
      ],
      [
        'Apply',
        `kubectl -n kube-system edit configmap node-local-dns, without the "${QUOTE}": add the block. node-local-dns puts addresses in for the words in capitals.`,
      ],
    ],
    body: zoneBlockOnNode(options),
  };
}

/** Only what every release of node-local-dns knows: it is a CoreDNS of its own, with few plugins. */
function zoneBlockOnNode({ zones, reverseZones, servers }: CorefileOptions): Lines {
  const head = [...zones, ...reverseZones].map((zone) => `${zone}:53`).join(' ');
  return block(head, [
    'errors',
    ...block('cache 30', ['success 9984 30 0', `denial 9984 ${DENIAL.own} 0`]),
    'reload',
    'bind __PILLAR__LOCAL__DNS__ __PILLAR__DNS__SERVER__',
    `forward . ${servers.map(forwardText).join(' ')}`,
    'prometheus :9253',
  ]);
}
