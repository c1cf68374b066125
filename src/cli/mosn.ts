import type { LookupResult } from '../api/look-up.ts';
import { bad, ok, type Result } from '../base/result.ts';
import type { Config } from '../config/schema.ts';
import { interceptionLines } from '../envoy/bootstrap.ts';
import { MOSN_PROTOCOLS, type MosnProtocol, type MosnRoute, mosnConfig } from '../mosn/static-config.ts';
import { parseAddress } from '../name/address.ts';
import { clusterName } from '../sidecars/vip-cluster.ts';
import { askControl } from './control-client.ts';
import { type Output, STATUS } from './output.ts';
import { sidecarServer } from './sidecar-server.ts';

export interface MosnFlags {
  readonly server?: string;
  readonly interfaces: readonly string[];
}

/**
 * `mosn`: the configuration of a MOSN for these interfaces, whose VIPs the running server says. The configuration is JSON
 * and has no comments: what the machine has to be told goes to stderr, as what could not be taken does.
 */
export async function printMosn(config: Config, flags: MosnFlags, output: Output): Promise<number> {
  const server = sidecarServer(config, flags.server);
  if (!server.ok) {
    output.err(server.reason);
    return STATUS.badInput;
  }
  const routes: MosnRoute[] = [];
  for (const name of flags.interfaces) {
    const query = new URLSearchParams({ name }).toString();
    const found = await askControl<LookupResult>(config.control, 'GET', `/lookup?${query}`);
    const own = found.ok ? routesOf(name, found.value) : found;
    if (!own.ok) {
      output.err(own.reason);
      return STATUS.failed;
    }
    for (const problem of own.value.leftOut) output.err(problem);
    routes.push(...own.value.routes);
  }
  const problem = routes.length === 0 ? 'nothing is left for MOSN to lead' : twoProtocolsOn(routes);
  if (problem !== undefined) {
    output.err(problem);
    return STATUS.failed;
  }
  const ports = [...new Set(routes.map(({ port }) => port))];
  for (const line of interceptionLines({ kind: 'ports', ports }, config.vips.pools)) output.err(`#| ${line}`);
  output.out(JSON.stringify(mosnConfig({ server: server.value, routes }), undefined, 2));
  return STATUS.ok;
}

interface Routes {
  readonly routes: readonly MosnRoute[];
  readonly leftOut: readonly string[];
}

function routesOf(asked: string, { interface: found, didYouMean }: LookupResult): Result<Routes> {
  if (found === null || found.domain === null) {
    const [near] = didYouMean;
    return bad(`${asked}: no such interface${near === undefined ? '' : `; did you mean ${near}?`}`);
  }
  const name = found.interface;
  const leftOut: string[] = [];
  const routes = new Map<string, MosnRoute>();
  for (const { service, protocol, port, vips, behind } of found.services) {
    const address = vips.map((text) => parseAddress(text)).find((one) => one !== undefined);
    if (behind !== null) leftOut.push(`${service} is left out: Kubernetes leads its ClusterIP`);
    else if (!isMosn(protocol))
      leftOut.push(`${service} is left out: MOSN does not route ${protocol} by service`);
    else if (port === null || address === undefined)
      leftOut.push(`${service} is left out: no VIP, or no port`);
    else {
      const cluster = clusterName({ address, port });
      const known = routes.get(`${protocol} ${port}`);
      if (known === undefined)
        routes.set(`${protocol} ${port}`, { interface: name, protocol, port, cluster });
      else if (known.cluster !== cluster)
        leftOut.push(`${service} is left out: MOSN tells versions and groups of an interface not apart`);
    }
  }
  return ok({ routes: [...routes.values()], leftOut });
}

function isMosn(protocol: string): protocol is MosnProtocol {
  return (MOSN_PROTOCOLS as readonly string[]).includes(protocol);
}

function twoProtocolsOn(routes: readonly MosnRoute[]): string | undefined {
  const first = new Map<number, MosnRoute>();
  for (const route of routes) {
    const known = first.get(route.port);
    if (known === undefined) first.set(route.port, route);
    else if (known.protocol !== route.protocol)
      return `port ${route.port}: ${known.interface} speaks ${known.protocol}, ${route.interface} ${route.protocol}; a MOSN listens for one protocol on a port`;
  }
  return undefined;
}
