import type { Source } from '../intake/source.ts';
import type { InterfaceName } from '../name/interface-name.ts';
import type { Refusal } from '../plan/claims.ts';
import type { Vip } from '../plan/record.ts';
import type { WatcherState } from '../registry/watcher.ts';
import type { ClusterIpInPool } from './clusters-in-pools.ts';

/** What the event line tells of what it does. */
export interface LineEvents {
  readonly onRegistryState: (source: Source, state: WatcherState) => void;
  /** names of registries are answered from now on */
  readonly onReady: (interfaces: number) => void;
  readonly onSkipped: (source: Source, reason: string, detail: string) => void;
  /** seconds from the first change of a window to its answer */
  readonly onPublished: (interfaces: number, seconds: number) => void;
  /** the interface was planned anew, or is gone: for whoever tells its claimants */
  readonly onPlanned: (name: InterfaceName) => void;
  /** a Kubernetes object may not name it */
  readonly onRefused: (name: InterfaceName, refusal: Refusal) => void;
  /** its VIP went from the pool to the ClusterIP of a Service */
  readonly onMoved: (name: InterfaceName, service: string, from: Vip, to: Vip) => void;
  /** other Services than the one that it is joined with hold endpoints of it too; or others than before */
  readonly onContested: (service: string, vip: Vip) => void;
  readonly onLoss: (name: InterfaceName, text: string) => void;
  readonly onStoreError: (error: Error) => void;
  readonly onStoreRecovered: () => void;
  /** what a store holds and could not be read; it is left out */
  readonly onStoreProblem: (text: string) => void;
  /** a bug: what it was about is tried again with the next change */
  readonly onFailure: (error: Error) => void;
  readonly onDistrust: (source: Source, held: number) => void;
  /** a cluster gives addresses of a pool to its Services; once for each cluster */
  readonly onClusterIpInPool: (found: ClusterIpInPool) => void;
  /** a registry that is not configured any more was forgotten */
  readonly onLetGo: (id: string) => void;
}
