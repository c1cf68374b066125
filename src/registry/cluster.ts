import type { Address } from '../name/address.ts';
import type { OwnershipRule } from '../name/ownership.ts';

/*
 * What a Kubernetes cluster says besides registrations: which Services stand, and what lies behind them. The plan
 * joins registered endpoints with them (contract 1.3).
 */

export interface ClusterService {
  readonly namespace: string;
  readonly name: string;
  /** two Services of one name, one after the other, differ in it */
  readonly uid: string;
  /** Unix milliseconds */
  readonly createdAt: number;
  /** ClusterIPs, of one or both families; none for a headless Service and an ExternalName */
  readonly addresses: readonly Address[];
  readonly ports: readonly ServicePort[];
  /** whether endpoints may be joined with it: it lacks `rpcdns.io/join: "false"` */
  readonly joins: boolean;
}

export interface ServicePort {
  /** '' when it is the only one */
  readonly name: string;
  readonly port: number;
  /** a number, or the name of a container's port, which each EndpointSlice resolves */
  readonly targetPort: number | string;
}

/** One EndpointSlice: each address with each port. Ready or not makes no difference to whose an endpoint is. */
export interface ClusterSlice {
  /** `namespace/name` of the Service */
  readonly service: string;
  readonly addresses: readonly Address[];
  /** of the nodes on which the addresses are, in their order, '' where it is not said; undefined: of none */
  readonly zones?: readonly string[];
  readonly ports: readonly { readonly name: string; readonly port: number }[];
}

export type ClusterChange =
  | { readonly kind: 'service'; readonly key: string; readonly service: ClusterService | undefined }
  | { readonly kind: 'slice'; readonly key: string; readonly slice: ClusterSlice | undefined }
  | { readonly kind: 'ownership'; readonly key: string; readonly rule: OwnershipRule | undefined };
