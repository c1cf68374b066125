import type { RegistryJson } from '../api/control.ts';
import { type ClusterAccess, SERVICE_ACCOUNT } from '../kubernetes/api-client.ts';
import { kindOf, type RegistryConfig, registryId } from '../registry/kinds.ts';
import type { ApiAnswer } from './ask-api.ts';
import { connectTcp } from './connect-tcp.ts';
import {
  type Check,
  finding,
  good,
  hostPort,
  inMs,
  type Seen,
  type Surroundings,
  warning,
} from './surroundings.ts';

/** What the server says of each registry, and whether it can be reached from here. */
export const checkRegistries: Check = {
  title: 'registries',
  async look(surroundings) {
    const { registries } = surroundings.config;
    if (registries.length === 0) {
      return [
        warning(
          'none is configured: only static zones are answered',
          `add one below registries in ${surroundings.configFile}`,
        ),
      ];
    }
    // whoever hangs is not asked again
    const said = surroundings.server.ok
      ? await surroundings.control<RegistryJson[]>('/registries')
      : undefined;
    const states = said?.ok === true ? said.value : undefined;
    const seen = await Promise.all(registries.map((registry) => lookAt(registry, states, surroundings)));
    return seen.flat();
  },
};

async function lookAt(
  registry: RegistryConfig,
  states: readonly RegistryJson[] | undefined,
  surroundings: Surroundings,
): Promise<readonly Seen[]> {
  const id = registryId(registry);
  const reached = await lookAtServers(registry, id, surroundings);
  // what keeps it from being read says more than that it is not
  const cause = reached.find(({ state }) => state === 'finding');
  const said = states === undefined ? [] : saidOf(id, states, surroundings, cause);
  return [...said, ...reached];
}

function saidOf(
  id: string,
  states: readonly RegistryJson[],
  { configFile }: Surroundings,
  cause: Seen | undefined,
): readonly Seen[] {
  const found = states.find(({ registry }) => registry === id);
  if (found === undefined) {
    return [
      finding(
        `${id}: the running server does not know it`,
        `it runs with another configuration than ${configFile}: kill -HUP PID reloads, and the log says what is wrong`,
      ),
    ];
  }
  const { state, reason, interfaces, instances, held, heldBy, heldUntil, staleSeconds, snapshot } = found;
  const knows = `${interfaces} interfaces, ${instances} instances`;
  if (state !== 'live') {
    const answered =
      snapshot === 'none' ? 'nothing of it is answered' : `${knows} are answered as they were last`;
    return [
      finding(
        `${id}: ${state} for ${staleSeconds} s${reason === null ? '' : `: ${reason}`}; ${answered}`,
        cause?.remedy ?? 'the reason above is what has to be mended; rpc-dns tries again by itself',
      ),
    ];
  }
  if (held > 0) {
    return [
      warning(
        `${id}: live, ${knows}; ${held} instances ${heldBy === 'settleFor' ? 'did not come back with it' : 'went at once'} and are held until ${heldUntil}`,
        `if they are gone in truth: rpc-dns registries accept ${id}`,
      ),
    ];
  }
  return [good(`${id}: live, ${knows}`)];
}

async function lookAtServers(
  registry: RegistryConfig,
  id: string,
  surroundings: Surroundings,
): Promise<readonly Seen[]> {
  const api = surroundings.apis.get(id);
  if (api !== undefined) return [lookAtApi(api, id)];
  const servers = kindOf(registry).serversOf?.(registry) ?? [];
  const results = await Promise.all(
    servers.map(async (server) => ({ server, result: await connectTcp(server, surroundings.timeoutMs) })),
  );
  const lost = results.filter(({ result }) => result.kind !== 'connected');
  return results.map(({ server, result }) => {
    const at = `${id}: ${hostPort(server)}`;
    if (result.kind === 'connected') return good(`${at} takes connections in ${inMs(result.milliseconds)}`);
    const why =
      result.kind === 'unreachable'
        ? `cannot be reached (${result.code})`
        : result.kind === 'refused'
          ? 'refuses: nobody listens there'
          : `says nothing within ${surroundings.timeoutMs} ms`;
    const remedy =
      result.kind === 'silent'
        ? 'a firewall or NetworkPolicy drops it, or the machine is down: let rpc-dns reach it, or correct servers'
        : 'start it, or correct servers in the configuration';
    // one of an ensemble may be away
    return lost.length < results.length ? warning(`${at} ${why}`, remedy) : finding(`${at} ${why}`, remedy);
  });
}

function lookAtApi({ access, milliseconds, status, reason }: ApiAnswer, id: string): Seen {
  if (reason === undefined) return good(`${id}: the API server answers in ${inMs(milliseconds)}`);
  return finding(`${id}: ${reason}`, remedyOf(status, access));
}

function remedyOf(status: number, { kubeconfig }: ClusterAccess): string {
  if (status === 401) {
    return kubeconfig === undefined
      ? `the token in ${SERVICE_ACCOUNT} has expired or its ServiceAccount is gone: the kubelet renews it, so see that the pod mounts it (automountServiceAccountToken) and delete the pod`
      : `the token or certificate in ${kubeconfig} has expired or was revoked: renew it as it was made (kubectl create token, your cloud's login command, kubeadm certs renew); rpc-dns reads it again by itself`;
  }
  if (status === 403) {
    return 'the credentials may not read Services: apply the ClusterRole of manifests/base/access.yaml, or bind it to this user';
  }
  if (status === 0) {
    return kubeconfig === undefined
      ? 'outside a cluster a kubeconfig is needed; inside, see that nothing keeps the pod from the API server'
      : `see that the server in ${kubeconfig} is the right one, runs, and that nothing on the way drops port 6443 or 443`;
  }
  return "the API server is in trouble: see its own log and the registry's line above";
}
