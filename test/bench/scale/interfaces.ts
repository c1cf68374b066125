/** Which interfaces there are at any size: the first so many of an endless list. */
import { type DubboProvider, dubboProviderPath, dubboProvidersPath } from '../../support/zk-tool.ts';

export const ZONE = 'rpc.cluster.local';

const PER_PACKAGE = 20;
const PER_APPLICATION = 10;
const FIRST_TIMESTAMP = 1_795_358_632_321;

export interface ScaleInterface {
  readonly interfaceName: string;
  readonly callName: string;
  readonly structuredDomain: string;
  readonly application: string;
}

export function interfaceAt(index: number): ScaleInterface {
  const department = `p${Math.floor(index / PER_PACKAGE)}`;
  const name = `Service${String(index).padStart(6, '0')}`;
  const interfaceName = `com.bench.${department}.${name}`;
  return {
    interfaceName,
    callName: `${interfaceName}.${ZONE}`,
    structuredDomain: `${name}.${department}.bench.com.svc.${ZONE}`,
    application: `application-${Math.floor(index / PER_APPLICATION)}`,
  };
}

/** @param providers of each interface; number `providers` itself is the one that comes and goes */
export function providerAddress(index: number, provider: number, providers: number): string {
  const n = index * (providers + 1) + provider;
  return `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`;
}

/** The path of a provider's node, as Dubbo 3.3.6 names it. */
export function providerPath(index: number, provider: number, providers: number): string {
  const { interfaceName, application } = interfaceAt(index);
  const dubbo: DubboProvider = {
    interface: interfaceName,
    host: providerAddress(index, provider, providers),
    port: 20_880,
    application,
    version: '1.0.0',
    timestamp: FIRST_TIMESTAMP + index * (providers + 1) + provider,
  };
  return dubboProviderPath(dubbo);
}

/** All nodes of an interface, parents first. */
export function interfacePaths(index: number, providers: number): string[] {
  const directory = dubboProvidersPath(interfaceAt(index).interfaceName);
  return [
    directory.slice(0, directory.lastIndexOf('/')),
    directory,
    ...Array.from({ length: providers }, (_, provider) => providerPath(index, provider, providers)),
  ];
}
