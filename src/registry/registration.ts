import { NONE } from '../base/none.ts';
import type { Address } from '../name/address.ts';
import type { InterfaceName } from '../name/interface-name.ts';
import type { Locality } from '../name/localities.ts';

/**
 * What one source says of one (interface, version, group): the only thing that leaves a registry's folder.
 * '' stands for an unset version, group, application, …; lists may be empty.
 */
export interface Registration {
  /** or what `parseApplicationName` gives: an application without interfaces */
  readonly interface: InterfaceName;
  readonly version: string;
  readonly group: string;
  readonly application: string;
  readonly organization: string;
  readonly module: string;
  readonly environment: string;
  readonly namespace: string;
  /** `dubbo`, `tri`, `bolt`, `grpc`, … as the registry writes it */
  readonly protocol: string;
  /** the port under which callers reach the interface; undefined when the source does not say */
  readonly port: number | undefined;
  /** seconds; undefined: the configuration's */
  readonly ttl: number | undefined;
  /** pins the VIP */
  readonly vip: Address | undefined;
  readonly endpoints: readonly Endpoint[];
  /** the Kubernetes Service that is to answer for it, when the source names one */
  readonly service: ServiceRef | undefined;
  /** the Kubernetes object that says so; undefined where no namespace stands behind a registration */
  readonly claim: Claim | undefined;
  /** where a person finds it: `zones/demo.interfaces.yaml:3`, `/dubbo/com.foo.UserService/providers` */
  readonly source: string;
}

/** A Kubernetes Service, as an object names it. */
export interface ServiceRef {
  /** the registry's id */
  readonly cluster: string;
  readonly namespace: string;
  /** undefined: none could be found; `problem` says why */
  readonly name: string | undefined;
  /** the Service's own port for this interface; undefined: the one whose target is the registered port */
  readonly port: number | undefined;
  /** `ServiceNotFound`, `Ambiguous` with what was looked for */
  readonly problem: string | undefined;
}

/** Who claims a name: the namespace has to be allowed to, and the older of two claims stands (contract 1.7). */
export interface Claim {
  readonly kind: 'RPCService' | 'Service' | 'ConfigMap' | 'ServiceEntry';
  readonly namespace: string;
  readonly name: string;
  /** Unix milliseconds */
  readonly createdAt: number;
}

/** One instance of a provider. */
export interface Endpoint {
  /** an address in presentation form, or a host name */
  readonly host: string;
  readonly port: number;
  readonly protocol: string;
  /** where it is, as far as the registry says */
  readonly locality?: Locality;
  /** its share of calls in hundredths of its framework's usual weight, which undefined stands for; 0: it is to get none */
  readonly weight?: number;
}

export const EMPTY_REGISTRATION: Omit<Registration, 'interface' | 'source'> = {
  version: '',
  group: '',
  application: '',
  organization: '',
  module: '',
  environment: '',
  namespace: '',
  protocol: 'dubbo',
  port: undefined,
  ttl: undefined,
  vip: undefined,
  endpoints: NONE,
  service: undefined,
  claim: undefined,
};
