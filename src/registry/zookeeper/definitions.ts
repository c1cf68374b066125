import { type InterfaceName, parseInterfaceName } from '../../name/interface-name.ts';
import { decodeUrl } from '../provider-url.ts';
import { type Definition, readDefinition, readMapping } from './application-services.ts';
import type { WatchedNode, WatchedNodes } from './watched-nodes.ts';

/** What is known of one interface of an application that keeps its metadata to itself. */
export interface FoundInterface {
  readonly interface: InterfaceName;
  /** of the versions and groups that it may have now; none: nobody says */
  readonly definitions: readonly Definition[];
  /** where a person finds it */
  readonly source: string;
}

/** The directories of one interface's definitions: they have one or two levels, by version and group. */
interface Described {
  readonly name: InterfaceName;
  readonly lists: WatchedNode[];
  /** directories that have a `provider` below them */
  readonly places: Set<string>;
  /** by application, then by place */
  readonly definitions: Map<
    string,
    Map<string, { readonly node: WatchedNode; read: Definition | undefined }>
  >;
}

/** Levels between the interface and `provider`: version and group. */
const MAX_LEVELS = 2;
/** A provider writes its definitions one after the other, the first when it starts. */
const MARGIN_MS = 5_000;

/**
 * Which interfaces an application has, and in which versions and groups, where its instances do not say: from the mapping,
 * which says it of each interface, and the definitions that providers write. Neither is a sign of life, and neither shrinks.
 * Nothing of it is read before somebody asks.
 */
export class Definitions {
  readonly #nodes: WatchedNodes;
  readonly #root: string;
  readonly #changed: (applications: Iterable<string>) => void;
  #mapping: WatchedNode | undefined;
  readonly #mapped = new Map<
    InterfaceName,
    { readonly node: WatchedNode; applications: readonly string[] }
  >();
  readonly #byApplication = new Map<string, Set<InterfaceName>>();
  #unread = 0;
  readonly #described = new Map<InterfaceName, Described>();
  readonly #asking = new Set<string>();

  /** @param changed is told applications of which something else is known now */
  constructor(nodes: WatchedNodes, root: string, changed: (applications: Iterable<string>) => void) {
    this.#nodes = nodes;
    this.#root = root;
    this.#changed = changed;
  }

  applicationsOf(name: InterfaceName): Iterable<string> {
    return this.#mapped.get(name)?.applications ?? [];
  }

  /**
   * @param since when the oldest of its instances was started: what was defined before that, none of them has
   * @returns undefined: it is being read, and `changed` is called when it is
   */
  of(application: string, since: number): readonly FoundInterface[] | undefined {
    this.#asking.add(application);
    this.#mapping ??= this.#nodes.list(`${this.#root}/mapping`, true, (names) =>
      this.#takeMapping(names ?? []),
    );
    if (!this.#mapping.isRead || this.#unread > 0) return undefined;
    const found: FoundInterface[] = [];
    let isRead = true;
    for (const name of this.#byApplication.get(application) ?? []) {
      const described = this.#describe(name);
      const read = this.#definitionsOf(described, application);
      if (read === undefined) isRead = false;
      else
        found.push({
          interface: name,
          definitions: read.filter(({ writtenAt }) => writtenAt >= since - MARGIN_MS),
          source: `${this.#root}/metadata/${name}`,
        });
    }
    return isRead ? found : undefined;
  }

  #takeMapping(names: readonly string[]): void {
    const wanted = new Map<InterfaceName, string>();
    for (const node of names) {
      const parsed = parseInterfaceName(decodeUrl(node) ?? node);
      if (parsed.ok) wanted.set(parsed.value, node);
    }
    for (const [name, { node }] of this.#mapped) {
      if (wanted.has(name)) continue;
      this.#nodes.drop(node);
      this.#takeMapped(name, []);
      this.#mapped.delete(name);
    }
    for (const [name, node] of wanted) {
      if (this.#mapped.has(name)) continue;
      this.#unread++;
      let isFirst = true;
      const path = `${this.#root}/mapping/${node}`;
      const read = this.#nodes.data(path, false, (data) => {
        if (isFirst) this.#unread--;
        isFirst = false;
        this.#takeMapped(name, data === undefined ? [] : readMapping(data));
      });
      this.#mapped.set(name, { node: read, applications: [] });
    }
    this.#changed(this.#asking);
  }

  #takeMapped(name: InterfaceName, applications: readonly string[]): void {
    const mapped = this.#mapped.get(name);
    if (mapped === undefined) return;
    for (const gone of mapped.applications) {
      if (!applications.includes(gone)) this.#byApplication.get(gone)?.delete(name);
    }
    for (const application of applications) {
      const names = this.#byApplication.get(application) ?? new Set();
      this.#byApplication.set(application, names.add(name));
    }
    const touched = new Set([...mapped.applications, ...applications]);
    mapped.applications = applications;
    if (this.#unread === 0) this.#changed(this.#asking.size > touched.size ? touched : this.#asking);
  }

  #describe(name: InterfaceName): Described {
    const known = this.#described.get(name);
    if (known !== undefined) return known;
    const described: Described = { name, lists: [], places: new Set(), definitions: new Map() };
    this.#described.set(name, described);
    this.#follow(described, `${this.#root}/metadata/${name}`, 0);
    return described;
  }

  #follow(described: Described, path: string, level: number): void {
    const below = new Map<string, true>();
    const list = this.#nodes.list(path, true, (names) => {
      for (const child of names ?? []) {
        if (child === 'consumer' || below.has(child)) continue;
        below.set(child, true);
        if (child === 'provider') described.places.add(path);
        else if (level < MAX_LEVELS) this.#follow(described, `${path}/${child}`, level + 1);
      }
      this.#changed(this.applicationsOf(described.name));
    });
    described.lists.push(list);
  }

  #definitionsOf(described: Described, application: string): Definition[] | undefined {
    if (described.lists.some(({ isRead }) => !isRead)) return undefined;
    const places = described.definitions.get(application) ?? new Map();
    described.definitions.set(application, places);
    for (const place of described.places) {
      if (places.has(place)) continue;
      const path = `${place}/provider/${application}`;
      const definition = {
        node: this.#nodes.data(path, true, (data) => {
          const result = data === undefined ? undefined : readDefinition(data);
          definition.read = result?.ok === true ? result.value : undefined;
          this.#changed([application]);
        }),
        read: undefined as Definition | undefined,
      };
      places.set(place, definition);
    }
    const all = [...places.values()];
    if (all.some(({ node }) => !node.isRead)) return undefined;
    return all.flatMap(({ read }) => read ?? []);
  }
}
