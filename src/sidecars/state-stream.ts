import { encoded } from '../grpc/messages.ts';
import { type DiscoveryRequest, DiscoveryResponseSchema, type Node } from '../grpc/protos/ads_pb.ts';
import type { ServerStream } from '../grpc/server.ts';
import { type InterfaceName, MAX_INTERFACE_NAME } from '../name/interface-name.ts';
import { AnswerTimes } from './answer-times.ts';
import type { Budget } from './budget.ts';
import type { Sidecar, SidecarEvents } from './events.ts';
import { LISTENER_TYPE, type ResourceSet } from './state-resources.ts';
import { firstOf } from './texts.ts';

/** What of the node's metadata names the interfaces that it wants. */
const INTERFACES_KEY = 'rpcdns.io/interfaces';
/** `none`: it has listeners of its own, on the same ports. */
const LISTENERS_KEY = 'rpcdns.io/listeners';
const MAX_INTERFACES = 1_000;
const MAX_TYPES = 20;
const MAX_TEXT = 200;
const MAX_UNSENT = 4 * 1024 * 1024;
/** Of all together; beyond it who has read what it was told gets more. */
const MAX_UNSENT_BY_ALL = 64 * 1024 * 1024;

export interface StateHouse {
  readonly events: SidecarEvents;
  readonly isReady: () => boolean;
  readonly now: () => number;
  /** of the names that all streams follow */
  readonly names: Budget;
  /** undefined: no such kind is served */
  readonly resourcesOf: (
    typeUrl: string,
    interfaces: readonly InterfaceName[],
    node: Sidecar['node'],
  ) => ResourceSet | undefined;
}

/**
 * One Envoy or MOSN that takes the state of the world: all clusters, endpoints and listeners of the interfaces that its
 * node's metadata names, whole, each time one of them changes. Without the metadata there are none.
 */
export class StateStream implements Sidecar {
  readonly #stream: ServerStream;
  readonly #house: StateHouse;
  readonly openedAt: number;
  node: Sidecar['node'] = { id: '', cluster: '', locality: undefined };
  refusal: { readonly at: number; readonly text: string } | undefined;
  pushes = 0;
  #interfaces: readonly InterfaceName[] = [];
  /** version that was sent last, by type; '' before the first */
  readonly #sent = new Map<string, string>();
  #hasListeners = false;
  /** it was not told all that it asked for, as it does not read */
  #isBehind = false;
  /** some name themselves in every request */
  #isMet = false;
  #nonce = 0;
  readonly #times: AnswerTimes;

  constructor(stream: ServerStream, house: StateHouse) {
    this.#stream = stream;
    this.#house = house;
    this.openedAt = house.now();
    this.#times = new AnswerTimes(house.events.answered);
  }

  get peer(): string {
    return this.#stream.peer;
  }

  names(): Iterable<string> {
    return this.#interfaces;
  }

  request({ node, typeUrl, errorDetail, responseNonce }: DiscoveryRequest): void {
    this.#times.answered(responseNonce);
    if (node !== undefined && !this.#isMet) this.#meet(node);
    if (errorDetail !== undefined) {
      this.refusal = { at: this.#house.now(), text: firstOf(errorDetail.message, 500) };
      this.#house.events.refused(this, this.refusal.text);
    }
    // what is asked for again is acknowledged, or a list of names that is always whole here
    if (typeUrl.length > MAX_TEXT || this.#sent.has(typeUrl) || this.#sent.size >= MAX_TYPES) return;
    this.#sent.set(typeUrl, '');
    this.#tell(typeUrl);
  }

  /** These interfaces are published otherwise than before. */
  changed(names: ReadonlySet<InterfaceName>): void {
    if (this.#interfaces.some((name) => names.has(name))) this.tellAll();
  }

  /** The client has read what waited for it. */
  drained(): void {
    if (this.#isBehind) this.tellAll();
  }

  ended(): void {
    this.#house.names.giveBack(this.#interfaces.length);
    this.#interfaces = [];
  }

  /** Something may be otherwise, or the registries are read: the newest state, where it is another one. */
  tellAll(): void {
    this.#isBehind = false;
    for (const typeUrl of this.#sent.keys()) this.#tell(typeUrl);
  }

  #meet({ id, cluster, locality, metadata }: Node): void {
    const { region = '', zone = '' } = locality ?? {};
    this.node = {
      id: firstOf(id, MAX_TEXT),
      cluster: firstOf(cluster, MAX_TEXT),
      locality:
        zone === '' ? undefined : { region: firstOf(region, MAX_TEXT), zone: firstOf(zone, MAX_TEXT) },
    };
    this.#hasListeners = metadata?.[LISTENERS_KEY] === 'none';
    const wanted = namesIn(metadata?.[INTERFACES_KEY]);
    this.#interfaces = wanted.filter((_, i) => this.#house.names.take(i));
    this.#house.events.met(this);
    this.#isMet = true;
    if (this.#interfaces.length < wanted.length)
      this.#house.events.tooManyNames(this, this.#interfaces.length);
  }

  #tell(typeUrl: string): void {
    if (!this.#house.isReady()) return;
    const stream = this.#stream;
    if (stream.isBehind && (stream.unsent > MAX_UNSENT || stream.unsentByAll > MAX_UNSENT_BY_ALL)) {
      this.#isBehind = true;
      return;
    }
    const isOwn = this.#hasListeners && typeUrl === LISTENER_TYPE;
    const set = isOwn ? undefined : this.#house.resourcesOf(typeUrl, this.#interfaces, this.node);
    const { version, resources } = set ?? { version: '0', resources: [] };
    if (this.#sent.get(typeUrl) === version) return;
    this.#sent.set(typeUrl, version);
    const nonce = String(++this.#nonce);
    const octets = encoded(DiscoveryResponseSchema, {
      typeUrl,
      versionInfo: version,
      nonce,
      resources: resources.map((value) => ({ typeUrl, value })),
    });
    this.#stream.send(octets);
    this.#times.sent(nonce);
    this.pushes += resources.length;
    this.#house.events.pushed(resources.length, octets.length);
  }
}

/** A list, or a text with commas. */
function namesIn(value: unknown): InterfaceName[] {
  const list = Array.isArray(value) ? value : typeof value === 'string' ? value.split(',') : [];
  const names = list.flatMap((one) =>
    typeof one === 'string' && one.length <= MAX_INTERFACE_NAME && one.trim() !== '' ? one.trim() : [],
  );
  return [...new Set(names)].slice(0, MAX_INTERFACES) as InterfaceName[];
}
