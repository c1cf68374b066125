/** What is known of each interface, from one connection to the next. */
import type { SkipLog } from '../skip-log.ts';
import { StringPool } from '../string-pool.ts';
import type { Delivered, Deliveries } from './deliveries.ts';
import { MAX_DATA_INFO_ID, readData, readDataInfoId, type SofaService } from './parse.ts';
import type { ReceivedData } from './session-connection.ts';

/** What one data centre has of it: the unit of what is delivered. */
class Part implements Delivered {
  readonly #dataInfoId: string;
  readonly segment: string;
  version = 0;
  /** number of the connection that said so */
  connection = 0;
  digest = 0;
  putInto = 0;

  constructor(dataInfoId: string, segment: string) {
    this.#dataInfoId = dataInfoId;
    this.segment = segment;
  }

  /** made when it is needed, as there may be a hundred thousand */
  get unit(): string {
    return `${this.#dataInfoId}#@#${this.segment}`;
  }
}

/** There may be a hundred thousand. */
export interface KnownInterface {
  readonly dataInfoId: string;
  readonly service: SofaService;
  /** of its subscription */
  readonly number: number;
  /** mostly one */
  parts: Part[];
  /** number of the connection that subscribed it; 0: none */
  subscribedBy: number;
  /** number of the connection that said what is published */
  answeredBy: number;
  /** number of the last list that had it */
  seen: number;
}

const MAX_INTERFACES = 300_000;
const MAX_SKIPPED = 100_000;
const MAX_SEGMENTS = 64;

export class Interfaces {
  readonly #instance: string;
  readonly #deliveries: Deliveries;
  readonly #skips: SkipLog;
  readonly #pool = new StringPool();
  readonly #known = new Map<string, KnownInterface>();
  /** dataInfoIds that are no interfaces, and the number of the last list that had them */
  readonly #others = new Map<string, number>();
  #list = 0;
  #count = 0;

  constructor(instance: string, deliveries: Deliveries, skips: SkipLog) {
    this.#instance = instance;
    this.#deliveries = deliveries;
    this.#skips = skips;
  }

  all(): IterableIterator<KnownInterface> {
    return this.#known.values();
  }

  get size(): number {
    return this.#known.size;
  }

  /** Begins to take in a list of all names. */
  beginList(): void {
    this.#list++;
  }

  /** A name on the list. @returns what is new */
  see(dataInfoId: string): KnownInterface | undefined {
    const known = this.#known.get(dataInfoId);
    if (known !== undefined) {
      known.seen = this.#list;
      return undefined;
    }
    if (this.#others.has(dataInfoId)) {
      this.#others.set(dataInfoId, this.#list);
      return undefined;
    }
    if (dataInfoId === '' || dataInfoId.length > MAX_DATA_INFO_ID) return undefined;
    const reading = readDataInfoId(dataInfoId, this.#instance);
    if (reading.kind === 'elsewhere') return undefined;
    if (reading.kind === 'bad') {
      if (this.#others.size >= MAX_SKIPPED) return undefined;
      this.#others.set(dataInfoId, this.#list);
      this.#skips.note(dataInfoId, [reading]);
      return undefined;
    }
    if (this.#known.size >= MAX_INTERFACES) return undefined;
    const fresh: KnownInterface = {
      dataInfoId,
      service: reading.service,
      number: ++this.#count,
      parts: [],
      subscribedBy: 0,
      answeredBy: 0,
      seen: this.#list,
    };
    this.#known.set(dataInfoId, fresh);
    return fresh;
  }

  /**
   * Data servers hand slots to each other, so that a name may be on no list for a moment: it has to be missing twice, and nothing
   * may be published of it.
   *
   * @returns what is gone
   */
  forgetMissing(): KnownInterface[] {
    const oldest = this.#list - 1;
    for (const [dataInfoId, seen] of this.#others) {
      if (seen >= oldest) continue;
      this.#others.delete(dataInfoId);
      this.#skips.note(dataInfoId, []);
    }
    const gone: KnownInterface[] = [];
    for (const known of this.#known.values()) {
      if (known.seen >= oldest || known.parts.some(({ digest }) => digest !== 0)) continue;
      this.#known.delete(known.dataInfoId);
      for (const { unit } of known.parts) this.#skips.note(unit, []);
      this.#skips.note(known.dataInfoId, []);
      gone.push(known);
    }
    return gone;
  }

  /**
   * What a server says of one interface, in one data centre.
   *
   * @returns the interface, if this connection subscribed it
   */
  take(data: ReceivedData, connection: number): KnownInterface | undefined {
    const instance = data.instance === '' ? this.#instance : data.instance;
    const known = this.#known.get(`${data.dataId}#@#${instance}#@#${data.group}`);
    if (known === undefined || known.subscribedBy !== connection) return undefined;
    const part = partOf(known, this.#pool.take(data.segment));
    // versions of another server are none of this one's
    if (part === undefined || (part.connection === connection && data.version < part.version)) return known;
    part.connection = connection;
    part.version = data.version;
    // what was refused or not answered is over
    this.#skips.note(known.dataInfoId, []);
    const { registrations, skipped } = readData(known.service, data.data, known.dataInfoId, this.#pool);
    const broken = { reason: 'data', detail: `${known.dataInfoId}: some of its data are no texts` };
    this.#skips.note(part.unit, data.isBroken ? [...skipped, broken] : skipped);
    this.#deliveries.take(part, registrations);
    return known;
  }

  /** What was read of it stays. */
  refuse({ dataInfoId }: KnownInterface, reason: string, detail: string): void {
    this.#skips.note(dataInfoId, [{ reason, detail: `${dataInfoId}: ${detail}` }]);
  }

  /** Data centres of which a connection says nothing, though it says something of the interface, have it no more. */
  forgetPartsBefore(connection: number): void {
    for (const known of this.#known.values()) {
      if (known.answeredBy !== connection) continue;
      for (const part of known.parts) {
        if (part.connection === connection) continue;
        this.#deliveries.take(part, []);
        this.#skips.note(part.unit, []);
      }
      if (known.parts.length > 1) known.parts = known.parts.filter((part) => part.connection === connection);
    }
  }
}

function partOf(known: KnownInterface, segment: string): Part | undefined {
  const found = known.parts.find((part) => part.segment === segment);
  if (found !== undefined || known.parts.length >= MAX_SEGMENTS) return found;
  const part = new Part(known.dataInfoId, segment);
  known.parts.push(part);
  return part;
}
