import { hash } from 'node:crypto';
import { shown } from '../endpoint-text.ts';
import type { Registration } from '../registration.ts';
import type { SkipLog, SkippedEntry } from '../skip-log.ts';
import type { KeyRange } from './gateway.ts';
import { type Kept, KeyTable } from './key-table.ts';
import type { EtcdLayout, Fact, LayoutContext } from './layouts/layout.ts';
import type { KeyEvent, KeyValue } from './read-replies.ts';

/** Stands before keys that belong to no service, where services stand; no service begins so. */
const STRAY = '\0';

/** So many different facts are shared; beyond it sharing begins anew. */
const MAX_SHARED = 65_536;
const MAX_SHARED_LENGTH = 1_024;

/** What the keys of one layout say, from list to list and from event to event. */
export class LayoutKeys {
  readonly name: string;
  readonly prefix: string;
  readonly range: KeyRange;
  readonly hasValues: boolean;
  readonly #layout: EtcdLayout;
  readonly #context: LayoutContext;
  readonly #skipLog: SkipLog;
  readonly #table = new KeyTable();
  /** services that changed, and were not delivered since */
  readonly #changed = new Set<string>();
  /** an instance that provides hundreds of services says the same with each */
  readonly #facts = new Map<string, Fact>();
  #generation = 0;

  /** @param prefix without the slash that follows; '': all keys */
  constructor(name: string, layout: EtcdLayout, prefix: string, context: LayoutContext, skipLog: SkipLog) {
    this.name = name;
    this.#layout = layout;
    this.prefix = prefix;
    this.range = rangeOf(prefix);
    this.hasValues = layout.hasValues;
    this.#context = context;
    this.#skipLog = skipLog;
  }

  get size(): number {
    return this.#table.size;
  }

  /** Characters of all long texts that keys say. */
  get textLength(): number {
    return this.#table.textLength;
  }

  /** Everything is going to be read. @param isNewHistory revisions mean something else than before */
  begin(isNewHistory: boolean): void {
    this.#generation++;
    if (isNewHistory) this.#table.forgetRevisions();
  }

  /** One key of the list. */
  take(entry: KeyValue): void {
    const id = idOf(entry.key);
    if (this.#table.see(id, this.#generation) !== entry.revision) this.#put(id, entry);
  }

  /** Everything was read: what was not there is gone. */
  end(): void {
    for (const service of this.#table.sweep(this.#generation)) this.#changed.add(service);
  }

  /** One event of the watch; one that is known already changes nothing. */
  apply(event: KeyEvent): void {
    const id = idOf(event.key);
    const known = this.#table.revisionOf(id);
    if (known !== undefined && known >= event.revision) return;
    if (!event.isDelete) this.#put(id, event);
    else {
      const service = this.#table.remove(id);
      if (service !== undefined) this.#changed.add(service);
    }
  }

  /** What changed since the last time, unit by unit. */
  *changes(): Generator<readonly [unit: string, registrations: readonly Registration[]]> {
    for (const service of this.#changed) {
      this.#changed.delete(service);
      const registrations = this.#register(service);
      if (!service.startsWith(STRAY)) yield [`${this.name}:${service}`, registrations];
    }
  }

  #put(id: number, entry: KeyValue): void {
    const read = this.#read(entry);
    if (read === undefined) return;
    if (this.#table.put(id, read.service, entry.revision, this.#generation, read.kept))
      this.#changed.add(read.service);
  }

  /** @returns undefined: nothing of ours */
  #read({ key, text, value }: KeyValue): { readonly service: string; readonly kept: Kept } | undefined {
    if (text === undefined || value === undefined) {
      // with all keys there are, most are somebody else's
      if (this.prefix === '') return undefined;
      const where = shown(key.subarray(0, 200).toString('latin1'));
      const what =
        text === undefined ? 'the key is not UTF-8, or over 8 kB' : 'the value is not UTF-8, or over 64 kB';
      return { service: STRAY + where, kept: { reason: 'encoding', detail: `${where}: ${what}` } };
    }
    const place = this.#layout.placeOf(
      this.prefix === '' ? text.replace(/^\//, '') : text.slice(this.prefix.length + 1),
    );
    if (place === undefined) return undefined;
    const reading = this.#layout.read(place.entry, value, this.#context);
    const { service } = place;
    if (reading.kind === 'fact') return { service, kept: this.#shared(reading.fact) };
    if (reading.kind === 'none') return { service, kept: undefined };
    if (this.prefix === '') return undefined;
    const { reason, detail } = reading;
    return { service, kept: { reason, detail: `${this.#sourceOf(service)}: ${detail}` } };
  }

  #shared(fact: Fact): Fact {
    const text = JSON.stringify(fact);
    // shared is what an instance says with each of its services, and that is short
    if (text.length > MAX_SHARED_LENGTH) return fact;
    const known = this.#facts.get(text);
    if (known !== undefined) return known;
    if (this.#facts.size >= MAX_SHARED) this.#facts.clear();
    this.#facts.set(text, fact);
    return fact;
  }

  #register(service: string): readonly Registration[] {
    const facts: Fact[] = [];
    const skipped: SkippedEntry[] = [];
    for (const kept of this.#table.keptOf(service)) {
      if (kept === undefined) continue;
      if ('detail' in kept) skipped.push(kept);
      else facts.push(kept);
    }
    const source = this.#sourceOf(service);
    const registrations =
      facts.length === 0
        ? []
        : this.#layout.register(service, facts, source, this.#context, (entry) => skipped.push(entry));
    this.#skipLog.note(`${this.name}:${service}`, skipped);
    return registrations;
  }

  #sourceOf(service: string): string {
    const slash = this.prefix === '' ? '' : '/';
    return shown(`${this.prefix}${slash}${service}${this.#layout.directory}`);
  }
}

/** 52 bits: of a million keys two are one with a chance of 1 to 9,000, of 100,000 with 1 to 900,000. */
function idOf(key: Buffer): number {
  const digest = hash('sha1', key, 'buffer');
  return digest.readUInt32LE(0) * 2 ** 20 + (digest.readUInt32LE(4) >>> 12);
}

/** All keys that begin with the prefix and a slash. */
export function rangeOf(prefix: string): KeyRange {
  if (prefix === '') return { from: Buffer.from([0]), end: Buffer.from([0]) };
  // 0 is what follows the slash
  return { from: Buffer.from(`${prefix}/`), end: Buffer.from(`${prefix}0`) };
}
