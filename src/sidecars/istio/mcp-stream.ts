import { encoded } from '../../grpc/messages.ts';
import { type DiscoveryRequest, DiscoveryResponseSchema } from '../../grpc/protos/ads_pb.ts';
import type { ServerStream } from '../../grpc/server.ts';
import { AnswerTimes } from '../answer-times.ts';
import type { Sidecar, SidecarEvents } from '../events.ts';
import { firstOf } from '../texts.ts';
import type { EntrySet } from './service-entries.ts';

const RESOURCE = 'type.googleapis.com/istio.mcp.v1alpha1.Resource';
const SERVICE_ENTRY = /^networking\.istio\.io\/[a-z0-9]+\/ServiceEntry$/;
const MAX_TYPES = 200;
const MAX_TEXT = 200;
/** Of an istiod that reads no more the newest set waits, and no older one. */
const MAX_UNSENT = 64 * 1024 * 1024;

export interface McpHouse {
  readonly entries: () => EntrySet;
  readonly isReady: () => boolean;
  readonly events: SidecarEvents;
  readonly now: () => number;
}

interface Asked {
  nonce: string;
  version: string;
}

/**
 * One istiod that takes ServiceEntries from us (MCP over xDS): it asks for each of its kinds, and is ready when each was
 * answered. The set is always whole.
 */
export class McpStream implements Sidecar {
  readonly #stream: ServerStream;
  readonly #house: McpHouse;
  readonly openedAt: number;
  node: Sidecar['node'] = { id: '', cluster: 'istiod', locality: undefined };
  refusal: { readonly at: number; readonly text: string } | undefined;
  pushes = 0;
  readonly #asked = new Map<string, Asked>();
  /** asked before the registries were read */
  readonly #waiting = new Set<string>();
  #nonce = 0;
  readonly #times: AnswerTimes;
  #isOutdated = false;

  constructor(stream: ServerStream, house: McpHouse) {
    this.#stream = stream;
    this.#house = house;
    this.openedAt = house.now();
    this.#times = new AnswerTimes(house.events.answered);
  }

  get peer(): string {
    return this.#stream.peer;
  }

  names(): Iterable<string> {
    return [];
  }

  request({ node, typeUrl, responseNonce, errorDetail }: DiscoveryRequest): void {
    this.#times.answered(responseNonce);
    if (node !== undefined) {
      const isMet = this.node.id !== '';
      this.node = { ...this.node, id: firstOf(node.id, MAX_TEXT) };
      if (!isMet) this.#house.events.met(this);
    }
    if (errorDetail !== undefined) {
      this.refusal = { at: this.#house.now(), text: firstOf(errorDetail.message, 500) };
      this.#house.events.refused(this, this.refusal.text);
    }
    const known = this.#asked.get(typeUrl);
    // the first request of a kind is answered whatever nonce it carries; the others acknowledge, or are late
    if (known !== undefined && (responseNonce !== '' || known.nonce !== '')) return;
    if (known === undefined && (this.#asked.size >= MAX_TYPES || typeUrl.length > MAX_TEXT)) return;
    this.#asked.set(typeUrl, known ?? { nonce: '', version: '' });
    if (this.#house.isReady()) this.#answer(typeUrl);
    else this.#waiting.add(typeUrl);
  }

  /** The set is another one. */
  changed(): void {
    if (this.#stream.unsent > MAX_UNSENT) {
      this.#isOutdated = true;
      return;
    }
    this.#isOutdated = false;
    for (const [typeUrl, { nonce }] of this.#asked) {
      if (SERVICE_ENTRY.test(typeUrl) && nonce !== '') this.#answer(typeUrl);
    }
  }

  ready(): void {
    for (const typeUrl of this.#waiting) this.#answer(typeUrl);
    this.#waiting.clear();
  }

  /** The client has read what waited for it. */
  drained(): void {
    if (this.#isOutdated) this.changed();
  }

  #answer(typeUrl: string): void {
    const asked = this.#asked.get(typeUrl);
    if (asked === undefined) return;
    const set = SERVICE_ENTRY.test(typeUrl) ? this.#house.entries() : { version: '1', entries: [] };
    if (asked.version === set.version) return;
    asked.version = set.version;
    asked.nonce = String(++this.#nonce);
    const octets = encoded(DiscoveryResponseSchema, {
      typeUrl,
      versionInfo: set.version,
      nonce: asked.nonce,
      resources: set.entries.map((value) => ({ typeUrl: RESOURCE, value })),
    });
    this.#stream.send(octets);
    this.#times.sent(asked.nonce);
    this.pushes += set.entries.length;
    this.#house.events.pushed(set.entries.length, octets.length);
  }
}
