/**
 * A cluster's network in two namespaces, as servers that listen on port 53 of every address need one for themselves: in
 * one CoreDNS and the pods, in the other rpc-dns and the rest of the world. Needs root.
 */
import { bridgePorts } from './bridge.ts';
import { type CoreDns, startCoreDNS } from './coredns.ts';
import { createNamespace, type Namespace } from './netns.ts';
import { runToEnd } from './process.ts';
import type { Cleanup } from './server.ts';
import { startUpstream, type Upstream } from './upstream.ts';

/** The rest of the world's DNS. */
const UPSTREAM = '203.0.113.53';

export interface PodNetwork {
  readonly pods: Namespace;
  readonly services: Namespace;
  readonly upstream: Upstream;
  /** A CoreDNS on port 53 beside the pods with the text that `corefile` prints; it logs what it is asked. */
  startPrinted(test: Cleanup, text: string, kubeconfig: string): Promise<CoreDns>;
}

/**
 * @param serviceAddress of rpc-dns
 * @param ports of servers beside the test, which are on the same port of 127.0.0.1 in both namespaces
 */
export async function createPodNetwork(
  test: Cleanup,
  serviceAddress: string,
  ports: readonly number[],
): Promise<PodNetwork> {
  const [pods, services] = await Promise.all([createNamespace(), createNamespace()]);
  test.after(() => pods.remove());
  test.after(() => services.remove());
  await connectNamespaces(pods, services, [serviceAddress, UPSTREAM]);
  const [upstream] = await Promise.all([
    startUpstream(test, { address: UPSTREAM, port: 53, launch: services.run }),
    ...[pods, services].map((namespace) => bridgePorts(test, namespace, { outside: ports })),
  ]);
  return {
    pods,
    services,
    upstream,
    startPrinted(test, text, kubeconfig) {
      // all that a CoreDNS outside of a pod needs besides, and the log
      const corefile = text
        .replace(/^ {4}errors$/gm, '$&\n    log')
        .replace(/^ {4}kubernetes .* \{$/gm, `$&\n        kubeconfig ${kubeconfig}`);
      return startCoreDNS(test, {
        corefile,
        port: 53,
        launch: (command, args, options) => {
          return pods.run(command, args, { ...options, resolvConf: `nameserver ${UPSTREAM}\n` });
        },
      });
    },
  };
}

/** A cable between two namespaces; @param addresses of the second one */
async function connectNamespaces(
  first: Namespace,
  second: Namespace,
  addresses: readonly string[],
): Promise<void> {
  const peer = ['type', 'veth', 'peer', 'name', 'services', 'netns', second.name];
  await ip('link', 'add', 'pods', 'netns', first.name, ...peer);
  await ip('-n', first.name, 'addr', 'add', '198.18.0.1/30', 'dev', 'pods');
  await ip('-n', second.name, 'addr', 'add', '198.18.0.2/30', 'dev', 'services');
  await ip('-n', first.name, 'link', 'set', 'pods', 'up');
  await ip('-n', second.name, 'link', 'set', 'services', 'up');
  for (const address of addresses) {
    await ip('-n', second.name, 'addr', 'add', `${address}/32`, 'dev', 'services');
    await ip('-n', first.name, 'route', 'add', address, 'via', '198.18.0.2');
  }
}

async function ip(...args: readonly string[]): Promise<void> {
  const { code, stderr } = await runToEnd('ip', args);
  if (code !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr.trim()}`);
}
