import type { InterfaceName } from '../name/interface-name.ts';
import type { OwnershipRule } from '../name/ownership.ts';
import type { Template } from '../name/template.ts';
import type { WatcherState } from '../registry/watcher.ts';
import type { Pool } from '../vip/pool.ts';
import type { InterfaceChange } from '../zone/change.ts';
import type { Refusal } from './claims.ts';
import type { Placed, Vip } from './entry.ts';
import type { InterfaceNames } from './interface-names.ts';
import type { RegistryView } from './registry-view.ts';

/*
 * What goes into the catalogue, what it keeps, and what comes out of it.
 */

export interface RegistryOptions {
  /** unique and stable: the key of its stored snapshot, e.g. `file:zones/demo.interfaces.yaml` */
  readonly id: string;
  readonly kind: string;
  readonly required: boolean;
  readonly forgetAfterMs: number;
  readonly distrustForMs: number;
  /** ids of `kubernetes` registries whose Services may stand for what is registered here */
  readonly join: readonly string[];
}

export interface CatalogOptions {
  readonly template: Template;
  /** octets of the longest zone name */
  readonly zoneLength: number;
  readonly ttl: number;
  readonly address: 'vip' | 'endpoints';
  readonly maxRecords: number;
  readonly perVersion: boolean;
  /** who may name what, as configured; clusters add theirs */
  readonly ownership: readonly OwnershipRule[];
  /** of the pods of all clusters */
  readonly podBlocks: readonly Pool[];
}

/** Where finished change sets go. */
export interface Publishing {
  update(changes: readonly InterfaceChange[]): Promise<void>;
  rebuild(entries: Iterable<InterfaceChange>): Promise<void>;
  setReady(ready: boolean): Promise<void>;
}

export interface CatalogEvents {
  readonly onRegistryState: (registry: RegistryOptions, state: WatcherState) => void;
  /** names of registries are answered from now on */
  readonly onReady: (interfaces: number) => void;
  readonly onSkipped: (registry: RegistryOptions, reason: string, detail: string) => void;
  /** seconds from the first change of a window to its answer */
  readonly onPublished: (interfaces: number, seconds: number) => void;
  /** the interface was decided anew, or is gone: for whoever tells its claimants */
  readonly onDecided: (name: InterfaceName) => void;
  /** a Kubernetes object may not name it */
  readonly onRefused: (name: InterfaceName, refusal: Refusal) => void;
  /** its VIP went from the pool to the ClusterIP of a Service */
  readonly onMoved: (name: InterfaceName, service: string, from: Vip, to: Vip) => void;
  /** other Services than the one that it is joined with hold endpoints of it too; or others than before */
  readonly onContested: (service: string, vip: Vip) => void;
  readonly onLoss: (name: InterfaceName, text: string) => void;
  readonly onStoreError: (error: Error) => void;
  readonly onStoreRecovered: () => void;
  /** a bug: the changes of one window are lost until the next change of the same interfaces */
  readonly onFailure: (error: Error) => void;
  readonly onDistrust: (registry: RegistryOptions, held: number) => void;
}

/** A registry with what it says. */
export interface Source {
  readonly options: RegistryOptions;
  readonly view: RegistryView;
  state: WatcherState;
  /** whether a first snapshot, live or stored, is there */
  hasSnapshot: boolean;
  /** whether the snapshot is only a stored one */
  fromStore: boolean;
  /** Unix milliseconds of the last delivery */
  lastEventAt: number;
  skipped: Map<string, number>;
  distrusting: boolean;
}

/** What the catalogue remembers of an interface that it has published. */
export interface Known {
  readonly names: InterfaceNames;
  readonly placed: readonly Placed[];
  readonly conflicts: readonly string[];
  readonly occluded: number;
  /** endpoints beyond `answers.maxRecords` */
  readonly leftOut: number;
  /** of the entry that the query line has; its text rests there alone */
  readonly print: string;
  /** Unix milliseconds */
  readonly changedAt: number;
}
