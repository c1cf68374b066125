/**
 * What applications announce as one session sees it: `/services/<application>/<instance>`, as Spring Cloud and Dubbo's
 * application mode write it. Which services a Dubbo instance has stands elsewhere, in one of three places, the first of which
 * serves:
 *
 *     /dubbo/metadata/<application>/<revision>                 metadata-type=remote, or another instance's of the revision
 *     /dubbo/metadata/<interface>/…/provider/<application>     the definitions that providers write when they start
 *     /dubbo/mapping/<interface>                               which interfaces, but neither version nor group
 */
import { type InterfaceName, serviceKeyText } from '../../name/interface-name.ts';
import { type ApplicationInstance, registrationsOfInstances } from '../application-instances.ts';
import { shown } from '../endpoint-text.ts';
import { EMPTY_REGISTRATION, type Endpoint, type Registration } from '../registration.ts';
import { type RevisionService, readRevision } from './application-services.ts';
import { Definitions } from './definitions.ts';
import type { ZooKeeperOptions } from './options.ts';
import type { TreeHandlers } from './provider-tree.ts';
import { type DubboInstance, readServiceInstance, type ServiceInstance } from './service-instance.ts';
import type { SessionUser } from './supervisor.ts';
import { type NodeSource, type WatchedNode, WatchedNodes } from './watched-nodes.ts';

/** An application's name, and of its instances. */
interface Application {
  readonly name: string;
  readonly node: WatchedNode;
  readonly instances: Map<string, Instance>;
}

interface Instance {
  readonly node: WatchedNode;
  read: ServiceInstance | undefined;
  problem: string | undefined;
}

/** Which services all instances of one revision have. */
interface Revision {
  readonly node: WatchedNode;
  services: readonly RevisionService[] | undefined;
}

type Skipped = { readonly reason: string; readonly detail: string };

export class ApplicationTree implements SessionUser {
  readonly #options: ZooKeeperOptions;
  readonly #handlers: TreeHandlers;
  readonly #nodes: WatchedNodes;
  readonly #definitions: Definitions;
  readonly #isVersioned: (name: InterfaceName) => boolean;
  readonly #root: string;
  readonly #dubboRoot: string;
  readonly #applications = new Map<string, Application>();
  /** by `application/revision` */
  readonly #revisions = new Map<string, Revision>();
  /** whose registrations have to be told, when all that they hang on is read */
  readonly #changed = new Set<string>();
  readonly #delivered = new Set<string>();
  #isComplete = false;
  #isFlushing = false;
  #isClosed = false;
  #relistTimer: NodeJS.Timeout | undefined;

  /** @param isVersioned whether interface mode has the interface with a version or group */
  constructor(
    session: NodeSource,
    options: ZooKeeperOptions,
    chroot: string,
    handlers: TreeHandlers,
    isVersioned: (name: InterfaceName) => boolean,
  ) {
    this.#options = options;
    this.#handlers = handlers;
    this.#isVersioned = isVersioned;
    this.#root = options.roots.services.replace(/\/+$/, '');
    this.#dubboRoot = options.roots.dubbo.replace(/\/+$/, '');
    this.#nodes = new WatchedNodes(session, chroot, options.parallelReads, {
      refused: (path, reason) =>
        handlers.skipped(path, [{ reason: 'unreadable', detail: `${path}: ${reason}` }]),
      missed: (path) => {
        if (this.#isComplete) handlers.missed(path);
      },
      settled: () => this.#onSettled(),
    });
    this.#definitions = new Definitions(this.#nodes, this.#dubboRoot, (applications) =>
      this.#change(applications),
    );
    this.#nodes.list(this.#root || '/', true, (names) => this.#takeRoot(names ?? []));
  }

  event(path: string): void {
    if (!this.#isClosed) this.#nodes.event(path);
  }

  close(): void {
    this.#isClosed = true;
    this.#nodes.close();
    clearTimeout(this.#relistTimer);
  }

  /** Interface mode has another answer to whether the interface has a version or group. */
  versionedChanged(name: InterfaceName): void {
    this.#change(this.#definitions.applicationsOf(name));
  }

  #takeRoot(names: readonly string[]): void {
    const wanted = new Set(names);
    for (const [name, application] of this.#applications)
      if (!wanted.has(name)) this.#dropApplication(application);
    for (const name of wanted) {
      const known = this.#applications.get(name);
      // it was deleted and came again between two lists
      if (known?.node.isAbsent === true) this.#nodes.again(known.node);
      if (known !== undefined || (this.#root === '' && name === 'zookeeper')) continue;
      const node = this.#nodes.list(`${this.#root}/${name}`, false, (ids) =>
        this.#takeApplication(name, ids ?? []),
      );
      this.#applications.set(name, { name, node, instances: new Map() });
    }
  }

  #dropApplication(application: Application): void {
    this.#takeApplication(application.name, []);
    this.#nodes.drop(application.node);
    this.#applications.delete(application.name);
    this.#handlers.skipped(this.#unitOf(application.name), []);
  }

  #takeApplication(name: string, ids: readonly string[]): void {
    const application = this.#applications.get(name);
    if (application === undefined) return;
    const wanted = new Set(ids);
    for (const [id, { node }] of application.instances) {
      if (wanted.has(id)) continue;
      this.#nodes.drop(node);
      application.instances.delete(id);
    }
    for (const id of wanted) {
      const known = application.instances.get(id);
      if (known?.node.isAbsent === true) this.#nodes.again(known.node);
      if (known !== undefined) continue;
      const instance: Instance = {
        node: this.#nodes.data(`${this.#root}/${name}/${id}`, false, (data) =>
          this.#takeInstance(application, instance, data),
        ),
        read: undefined,
        problem: undefined,
      };
      application.instances.set(id, instance);
    }
    this.#change([name]);
  }

  #takeInstance(application: Application, instance: Instance, data: Buffer | undefined): void {
    const result = data === undefined ? undefined : readServiceInstance(data);
    instance.read = result?.ok === true ? result.value : undefined;
    instance.problem = result?.ok === false ? `${instance.node.path}: ${shown(result.reason)}` : undefined;
    if (instance.read?.kind === 'dubbo' && this.#options.layouts.includes('dubbo'))
      this.#needRevision(application.name, instance.read.revision);
    this.#change([application.name]);
  }

  #needRevision(application: string, revision: string): void {
    const key = `${application}/${revision}`;
    if (revision === '' || !/^[\w.-]+$/.test(revision) || this.#revisions.has(key)) return;
    const path = `${this.#dubboRoot}/metadata/${key}`;
    const known: Revision = {
      node: this.#nodes.data(path, true, (data) => {
        const result = data === undefined ? undefined : readRevision(data);
        const problem =
          result?.ok === false ? [{ reason: 'metadata', detail: `${path}: ${shown(result.reason)}` }] : [];
        this.#handlers.skipped(path, problem);
        known.services = result?.ok === true ? result.value : undefined;
        this.#change([application]);
      }),
      services: undefined,
    };
    this.#revisions.set(key, known);
  }

  #change(applications: Iterable<string>): void {
    for (const application of applications) this.#changed.add(application);
    if (!this.#isComplete || this.#isFlushing || this.#changed.size === 0) return;
    this.#isFlushing = true;
    // what one read brings is told together
    queueMicrotask(() => {
      this.#isFlushing = false;
      if (!this.#isClosed) this.#flush();
    });
  }

  #flush(): void {
    for (const name of [...this.#changed]) {
      const registrations = this.#registrationsOf(name);
      if (registrations === undefined) continue;
      this.#changed.delete(name);
      if (registrations.length === 0 && !this.#delivered.has(name)) continue;
      if (registrations.length > 0) this.#delivered.add(name);
      else this.#delivered.delete(name);
      this.#handlers.update(this.#unitOf(name), registrations);
    }
  }

  #onSettled(): void {
    if (this.#isComplete || this.#isClosed) return;
    // what they hang on is asked for only now
    for (const name of this.#applications.keys()) if (this.#registrationsOf(name) === undefined) return;
    this.#isComplete = true;
    this.#changed.clear();
    const replacement = this.#handlers.replace();
    for (const name of this.#applications.keys()) {
      const registrations = this.#registrationsOf(name) ?? [];
      if (registrations.length === 0) continue;
      this.#delivered.add(name);
      replacement.put(this.#unitOf(name), registrations);
    }
    replacement.done();
    this.#handlers.complete();
    this.#armRelist();
  }

  #armRelist(): void {
    const delayMs = this.#options.relistMs * (0.8 + 0.4 * Math.random());
    this.#relistTimer = setTimeout(() => {
      this.#nodes.relist();
      this.#armRelist();
    }, delayMs);
  }

  #unitOf(application: string): string {
    return `${this.#root}/${application}`;
  }

  /** undefined: something that they hang on is not read yet. */
  #registrationsOf(name: string): Registration[] | undefined {
    const application = this.#applications.get(name);
    if (application === undefined) return [];
    const instances = [...application.instances.values()];
    if (!application.node.isRead || instances.some(({ node }) => !node.isRead)) return undefined;
    const { layouts } = this.#options;
    const read = instances.flatMap((instance) => instance.read ?? []);
    const dubbo = layouts.includes('dubbo')
      ? this.#dubboServices(
          name,
          read.filter((one) => one.kind === 'dubbo'),
        )
      : [];
    if (dubbo === undefined) return undefined;
    const skipped: Skipped[] = instances.flatMap(({ problem }) =>
      problem === undefined ? [] : [{ reason: 'instance', detail: problem }],
    );
    const spring = layouts.includes('spring-cloud') ? this.#springCloudServices(name, read, skipped) : [];
    this.#handlers.skipped(this.#unitOf(name), skipped);
    return [...spring, ...dubbo];
  }

  #springCloudServices(name: string, read: readonly ServiceInstance[], skipped: Skipped[]): Registration[] {
    const instances = read.flatMap((one): ApplicationInstance[] =>
      one.kind === 'spring-cloud' && one.isUp ? [one] : [],
    );
    return registrationsOfInstances(
      name,
      instances,
      this.#options.metadata,
      this.#unitOf(name),
      (reason, detail) => skipped.push({ reason, detail }),
    );
  }

  #dubboServices(name: string, instances: readonly DubboInstance[]): Registration[] | undefined {
    const services = new Services(name);
    const local: DubboInstance[] = [];
    for (const instance of instances) {
      const revision = this.#revisions.get(`${name}/${instance.revision}`);
      if (revision?.node.isRead === false) return undefined;
      if (revision?.services === undefined) local.push(instance);
      else services.addRevision(revision.services, instance, `${this.#unitOf(name)}, ${revision.node.path}`);
    }
    if (local.length === 0) return services.registrations();
    const since = local.reduce(
      (least, { startedAt }) => Math.min(least, startedAt),
      Number.POSITIVE_INFINITY,
    );
    const found = this.#definitions.of(name, since);
    if (found === undefined) return undefined;
    const endpoints = local.flatMap((instance) => instance.endpoints);
    for (const { interface: interfaceName, definitions, source } of found) {
      for (const { version, group } of definitions)
        services.add(interfaceName, version, group, endpoints, `${this.#unitOf(name)}, ${source}`);
      if (definitions.length > 0 || services.has(interfaceName) || this.#isVersioned(interfaceName)) continue;
      const unknown = `${this.#unitOf(name)}, ${this.#dubboRoot}/mapping: its version and group are not known`;
      services.add(interfaceName, '', '', endpoints, unknown);
    }
    return services.registrations();
  }
}

/** Services of one application, each with the endpoints of the instances that have it. */
class Services {
  readonly #application: string;
  readonly #found = new Map<
    string,
    { readonly said: Omit<Registration, 'endpoints'>; readonly endpoints: Set<Endpoint> }
  >();
  readonly #interfaces = new Set<InterfaceName>();

  constructor(application: string) {
    this.#application = application;
  }

  has(name: InterfaceName): boolean {
    return this.#interfaces.has(name);
  }

  addRevision(services: readonly RevisionService[], instance: DubboInstance, source: string): void {
    for (const { interface: name, version, group, protocol } of services) {
      const own = instance.endpoints.filter((endpoint) => endpoint.protocol === protocol);
      this.add(name, version, group, own.length > 0 ? own : instance.endpoints, source);
    }
  }

  add(
    name: InterfaceName,
    version: string,
    group: string,
    endpoints: readonly Endpoint[],
    source: string,
  ): void {
    const [first] = endpoints;
    if (first === undefined) return;
    const key = serviceKeyText({ interface: name, version, group });
    this.#interfaces.add(name);
    const known = this.#found.get(key);
    if (known !== undefined) {
      for (const endpoint of endpoints) known.endpoints.add(endpoint);
      return;
    }
    const { protocol, port } = first;
    const said = { interface: name, version, group, application: this.#application, protocol, port, source };
    this.#found.set(key, { said: { ...EMPTY_REGISTRATION, ...said }, endpoints: new Set(endpoints) });
  }

  registrations(): Registration[] {
    return [...this.#found.values()].map(({ said, endpoints }) => ({ ...said, endpoints: [...endpoints] }));
  }
}
