/** What one replica, the holder of a Lease, does in the cluster: asks Register Agents, writes statuses and Events. */

import { MultiMap } from '../base/multi-map.ts';
import type { EventLine } from '../event-line/event-line.ts';
import { ApiError, asApiError, SERVER_SIDE_APPLY } from '../kubernetes/api-client.ts';
import { type ApiObject, pathOf, RPC_SERVICES } from '../kubernetes/resource.ts';
import { addressText } from '../name/address.ts';
import { type DomainName, join, toShortText } from '../name/domain-name.ts';
import {
  checkServiceKey,
  type InterfaceName,
  parseInterfaceName,
  serviceKeyText,
} from '../name/interface-name.ts';
import type { Refusal } from '../plan/claims.ts';
import type { Vip } from '../plan/record.ts';
import { fingerprintOf, type InterfaceEntry, type KeptRpcService } from '../registry/kubernetes/objects.ts';
import type { Claim } from '../registry/registration.ts';
import type { ClusterObserver, ControlledCluster } from '../registry/registry-kind.ts';
import { Agents } from './agents.ts';
import { EventWriter, type Regarding } from './events.ts';
import { Lease } from './lease.ts';
import { type Condition, type RpcServiceStatus, statusOf, type Verdict } from './status.ts';

export interface ControllerOptions {
  /** the registry's id */
  readonly cluster: string;
  readonly leaseNamespace: string;
  /** of this process */
  readonly identity: string;
  /** the first zone: that of the domains in statuses */
  readonly zone: DomainName;
}

export interface ControllerEvents {
  readonly onLease: (cluster: string, isHeld: boolean) => void;
  /** something could not be written; told once for each reason */
  readonly onFailure: (cluster: string, what: string, reason: string) => void;
}

const LEASE_NAME = 'rpc-dns';
const FIELD_MANAGER = 'rpc-dns';
/** Changes within so many milliseconds make one status. */
const SETTLE_MS = 100;
const PARALLEL = 4;
const RETRY_MS = 5_000;
/** Times alone are written so often at most. */
const REFRESH_MS = 5 * 60_000;

interface Written {
  readonly print: string;
  readonly conditions: readonly Condition[];
  readonly lastSuccess: string | undefined;
  /** monotonic milliseconds */
  readonly at: number;
}

export class Controller implements ClusterObserver {
  readonly #watcher: ControlledCluster;
  readonly #events: EventLine;
  readonly #options: ControllerOptions;
  readonly #report: ControllerEvents;
  readonly #lease: Lease;
  readonly #agents: Agents;
  readonly #tell: EventWriter;
  /** RPCServices by the interfaces that they name; kept by the holder of the Lease only */
  #byInterface = new MultiMap<InterfaceName, string>();
  readonly #named = new Map<string, readonly InterfaceName[]>();
  readonly #written = new Map<string, Written>();
  #due = new Set<string>();
  readonly #busy = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #failures = new Set<string>();
  #stopped = false;

  constructor(
    watcher: ControlledCluster,
    events: EventLine,
    options: ControllerOptions,
    report: ControllerEvents,
  ) {
    this.#watcher = watcher;
    this.#events = events;
    this.#options = options;
    this.#report = report;
    const { cluster, identity, leaseNamespace } = options;
    const failed = (what: string) => (reason: string) => this.#failed(what, reason);
    this.#tell = new EventWriter(watcher.client, { instance: identity, onFailure: failed('Event') });
    this.#agents = new Agents(
      watcher.client,
      (object) => watcher.finder.find(object),
      (key) => this.#enqueue(key),
    );
    this.#lease = new Lease(
      watcher.client,
      { namespace: leaseNamespace, name: LEASE_NAME, identity },
      {
        gained: () => {
          report.onLease(cluster, true);
          this.#begin();
        },
        lost: () => {
          report.onLease(cluster, false);
          this.#end();
        },
        failed: failed('Lease'),
      },
    );
  }

  start(): void {
    this.#watcher.observe(this);
    this.#lease.start();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#end();
    await this.#lease.stop();
  }

  rpcServiceChanged(key: string, object: KeptRpcService | undefined): void {
    if (!this.#lease.isHeld) return;
    this.#index(key, object);
    this.#agents.note(key, object);
    if (object === undefined) this.#written.delete(key);
    else this.#enqueue(key);
  }

  /** An entry of an annotation or a document could not be used; an RPCService has conditions for that. */
  skipped(unit: string, details: Iterable<string>): void {
    const [what, namespace = '', name = ''] = unit.split('/');
    const kind = what === 'service' ? 'Service' : what === 'configmap' ? 'ConfigMap' : undefined;
    if (kind === undefined || !this.#lease.isHeld) return;
    const regarding = this.#regarding({ kind, namespace, name, createdAt: 0 });
    for (const detail of details) this.#tell.tell(regarding, 'Warning', 'EntrySkipped', detail);
  }

  /** An interface was planned anew. */
  planned(name: InterfaceName): void {
    if (this.#lease.isHeld) for (const key of this.#byInterface.get(name)) this.#enqueue(key);
  }

  /** A claim was refused: told at the object that made it, and at those that it would have hurt. */
  refused(name: InterfaceName, { cluster, claim, reason, text, winner }: Refusal): void {
    if (!this.#lease.isHeld || cluster !== this.#options.cluster) return;
    this.#tell.tell(this.#regarding(claim), 'Warning', reason, text);
    const note = `refused a claim to ${name}: ${text}`;
    if (winner !== undefined) this.#tell.tell(this.#regarding(winner), 'Normal', 'ClaimRefused', note);
    for (const key of winner === undefined ? this.#byInterface.get(name) : []) {
      const object = this.#watcher.rpcServices.get(key);
      if (object === undefined || key === `${claim.namespace}/${claim.name}`) continue;
      this.#tell.tell(regardingRpcService(object), 'Normal', 'ClaimRefused', note);
    }
  }

  /** The VIP of a registration moved to a ClusterIP. */
  moved(service: string, from: Vip, { behind, addresses }: Vip): void {
    const [before, after] = [from.addresses, addresses].map((list) => list.map(addressText).join(', '));
    this.#tellService(behind, 'Joined', `${service} is answered with ${after}, before with ${before}`);
  }

  /** Others held endpoints of a registration too, and lost it to one Service. */
  contested(service: string, { behind, losers }: Vip): void {
    const chosen = behind === undefined ? '' : `${behind.namespace}/${behind.name}`;
    this.#tellService(behind, 'Contested', `${service} is behind Service ${chosen}: ${losers.join('; ')}`);
  }

  #tellService(behind: Vip['behind'], reason: string, note: string): void {
    if (!this.#lease.isHeld || behind?.cluster !== this.#options.cluster) return;
    const claim: Claim = { kind: 'Service', namespace: behind.namespace, name: behind.name, createdAt: 0 };
    this.#tell.tell(this.#regarding(claim), 'Normal', reason, note);
  }

  #begin(): void {
    // what is not read yet is told when it is; an agent asked before that would be said to have no pods
    if (!this.#watcher.hasData) return;
    for (const [key, object] of this.#watcher.rpcServices.entries()) {
      this.#index(key, object);
      this.#agents.note(key, object);
      this.#enqueue(key);
    }
    for (const [unit, details] of this.#watcher.skippedEntries()) this.skipped(unit, details);
    for (const name of this.#events.refusedNames()) {
      for (const refusal of this.#events.refusalsOf(name)) this.refused(name, refusal);
    }
    for (const name of this.#events.feed.names()) {
      for (const { key, vip } of this.#events.feed.published(name)?.about.services ?? []) {
        if (vip.losers.length > 0) this.contested(serviceKeyText(key), vip);
      }
    }
  }

  #end(): void {
    this.#agents.stop();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#due.clear();
    this.#written.clear();
    this.#named.clear();
    this.#byInterface = new MultiMap();
  }

  #index(key: string, object: KeptRpcService | undefined): void {
    for (const name of this.#named.get(key) ?? []) this.#byInterface.delete(name, key);
    this.#named.delete(key);
    if (object === undefined) return;
    const names = [...object.spec.interfaces, ...object.found].map(({ name }) => name as InterfaceName);
    for (const name of names) this.#byInterface.add(name, key);
    this.#named.set(key, names);
  }

  #enqueue(key: string, delayMs = SETTLE_MS): void {
    if (!this.#lease.isHeld || this.#stopped) return;
    this.#due.add(key);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#drain();
    }, delayMs);
  }

  #drain(): void {
    for (const key of this.#due) {
      if (this.#busy.size >= PARALLEL) return;
      if (this.#busy.has(key)) continue;
      this.#due.delete(key);
      this.#busy.add(key);
      void this.#write(key)
        .catch((error: unknown) => {
          this.#failed('status', asApiError(error, `RPCService ${key}`).message);
          setTimeout(() => this.#enqueue(key), RETRY_MS).unref();
        })
        .finally(() => {
          this.#busy.delete(key);
          if (this.#due.size > 0) this.#drain();
        });
    }
  }

  /** Writes the status when it is another than the one that stands there. */
  async #write(key: string): Promise<void> {
    const object = this.#watcher.rpcServices.get(key);
    if (object === undefined || !this.#lease.isHeld || !this.#events.feed.isReady) return;
    const before = this.#written.get(key);
    const agent = this.#agents.result(key);
    const make = (conditions: readonly Condition[]) => {
      const found = this.#watcher.finder.find(object);
      const verdictOf = (entry: InterfaceEntry) => this.#verdictOf(object, entry);
      return statusOf(object, found, agent, verdictOf, conditions, new Date());
    };
    let status = make(before?.conditions ?? []);
    const print = fingerprintOf(status);
    const isOld = before === undefined || performance.now() - before.at > REFRESH_MS;
    // a status that somebody else changed is put right, but not in a race with the echo of our own
    const isEchoDue = before !== undefined && performance.now() - before.at < RETRY_MS;
    const isTimeOnly = print === object.statusPrint || (isEchoDue && print === before.print);
    if (isTimeOnly && !(isOld && before !== undefined && status.agent?.lastSuccess !== before.lastSuccess)) {
      if (before === undefined) {
        this.#written.set(key, {
          print,
          conditions: status.conditions,
          lastSuccess: undefined,
          at: performance.now(),
        });
      }
      return;
    }
    if (before === undefined && object.statusPrint !== '') status = make(await this.#conditionsOf(object));
    if (!this.#lease.isHeld) return;
    const { namespace, name, uid } = object;
    const body = {
      apiVersion: 'rpcdns.io/v1',
      kind: 'RPCService',
      metadata: { name, namespace, ...(uid === '' ? {} : { uid }) },
      status,
    };
    try {
      await this.#watcher.client.request('PATCH', `${pathOf(RPC_SERVICES, namespace, name)}/status`, {
        query: { fieldManager: FIELD_MANAGER, force: 'true' },
        contentType: SERVER_SIDE_APPLY,
        body,
      });
    } catch (error) {
      // gone, or another of the same name: its own event will come
      if (error instanceof ApiError && (error.status === 404 || error.status === 409)) return;
      throw error;
    }
    if (!this.#lease.isHeld) return;
    const lastSuccess = status.agent?.lastSuccess;
    this.#written.set(key, { print, conditions: status.conditions, lastSuccess, at: performance.now() });
    this.#tellTransitions(object, before?.conditions ?? [], status);
  }

  async #conditionsOf({ namespace, name }: KeptRpcService): Promise<readonly Condition[]> {
    const object = await this.#watcher.client
      .request<ApiObject & { readonly status?: { readonly conditions?: readonly Condition[] } }>(
        'GET',
        pathOf(RPC_SERVICES, namespace, name),
      )
      .catch((): undefined => undefined);
    return object?.status?.conditions ?? [];
  }

  #tellTransitions(object: KeptRpcService, before: readonly Condition[], status: RpcServiceStatus): void {
    for (const { type, status: value, reason, message } of status.conditions) {
      const old = before.find((condition) => condition.type === type);
      if (old?.status === value && old.reason === reason) continue;
      const isBad = value === 'False' || type === 'PartiallyRefused' || reason === 'PortNotExposed';
      // the good beginning of everything is no news but for the address
      if (!isBad && old === undefined && type !== 'Resolved') continue;
      const vips = type === 'Resolved' && status.vips.length > 0 ? `: ${status.vips.join(', ')}` : '';
      this.#tell.tell(regardingRpcService(object), isBad ? 'Warning' : 'Normal', reason, message + vips);
    }
  }

  #verdictOf(object: KeptRpcService, { name, version, group }: InterfaceEntry): Verdict {
    const parsed = parseInterfaceName(name);
    const problem = parsed.ok ? checkServiceKey(version, group) : parsed.reason;
    if (problem !== undefined) {
      const text = `RPCService ${object.namespace}/${object.name}: ${problem}`;
      const refused = { reason: 'InvalidSpec', text };
      return { domain: undefined, vips: [], refusal: refused, failure: undefined };
    }
    const interfaceName = name as InterfaceName;
    const service = serviceKeyText({ interface: interfaceName, version, group });
    const refusal = this.#events
      .refusalsOf(interfaceName)
      .find(
        ({ claim, service: refused }) =>
          refused === service &&
          claim.kind === 'RPCService' &&
          claim.namespace === object.namespace &&
          claim.name === object.name,
      );
    const known = this.#events.feed.published(interfaceName);
    const placed = known?.about.services.find(({ key }) => serviceKeyText(key) === service);
    const isThere = refusal === undefined && known !== undefined && placed !== undefined;
    return {
      domain: isThere ? toShortText(join(known.domain, this.#options.zone)) : undefined,
      vips: isThere ? placed.vip.addresses.map(addressText) : [],
      refusal,
      failure: placed?.vip.failure,
    };
  }

  #regarding(claim: Claim): Regarding {
    const { kind, namespace, name } = claim;
    const key = `${namespace}/${name}`;
    if (kind === 'RPCService') {
      const object = this.#watcher.rpcServices.get(key);
      return { apiVersion: 'rpcdns.io/v1', kind, namespace, name, uid: object?.uid };
    }
    const uid = kind === 'Service' ? this.#watcher.services.get(key)?.service.uid : undefined;
    return { apiVersion: 'v1', kind, namespace, name, uid };
  }

  #failed(what: string, reason: string): void {
    const text = `${what} ${reason}`;
    if (this.#failures.has(text)) return;
    if (this.#failures.size > 100) this.#failures.clear();
    this.#failures.add(text);
    this.#report.onFailure(this.#options.cluster, what, reason);
  }
}

function regardingRpcService({ namespace, name, uid }: KeptRpcService): Regarding {
  return { apiVersion: 'rpcdns.io/v1', kind: 'RPCService', namespace, name, uid };
}
