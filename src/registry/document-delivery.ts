import { problemText } from '../base/problem.ts';
import { parseInterfaces } from './interfaces-document.ts';
import type { RegistrySink } from './watcher.ts';

/** So many problems of one document are told … */
export const MAX_TOLD = 100;
/** … and so many characters of each: a document may hold anything. */
const MAX_TEXT = 400;

/**
 * Delivers the documents of one place, whoever reads them there: a good one as a whole; one with anything wrong in it, or
 * none, leaves the last good one, and the state says why.
 */
export class DocumentDelivery {
  readonly #place: string;
  readonly #sink: RegistrySink;
  #good: string | undefined;
  /** the last one that was refused, and why */
  #bad: { readonly text: string; readonly reason: string } | undefined;
  /** undefined: live */
  #failure: string | undefined;

  /** @param place what problems call the document, and its unit */
  constructor(place: string, sink: RegistrySink) {
    this.#place = place;
    this.#sink = sink;
  }

  /** Whether a good one was delivered. */
  get hasSnapshot(): boolean {
    return this.#good !== undefined;
  }

  /** The document as it is now. @returns whether it is a good one */
  take(text: string): boolean {
    if (text !== this.#bad?.text) this.#bad = this.#deliver(text);
    if (this.#bad === undefined) this.hold();
    else this.fail(this.#bad.reason);
    return this.#bad === undefined;
  }

  /** The last good document is what there is. */
  hold(): void {
    if (this.#failure !== undefined) this.#sink.state({ kind: 'live' });
    this.#failure = undefined;
  }

  /** There is no document to be had. */
  fail(reason: string): void {
    if (reason === this.#failure) return;
    this.#failure = reason;
    this.#sink.state(this.hasSnapshot ? { kind: 'stale', reason } : { kind: 'failed', reason });
  }

  /** @returns the document and why it is refused */
  #deliver(text: string): { readonly text: string; readonly reason: string } | undefined {
    if (text === this.#good) return undefined;
    const parsed = parseInterfaces(this.#place, text);
    if (!parsed.ok) {
      const texts = parsed.problems.map((problem) => cut(problemText(problem)));
      for (const problem of texts.slice(0, MAX_TOLD)) this.#sink.skipped('bad-document', problem);
      return { text, reason: `${texts.length} problems in the document: ${texts.slice(0, 3).join('; ')}` };
    }
    if (this.hasSnapshot) this.#sink.update(this.#place, parsed.registrations);
    else {
      const replacement = this.#sink.replace();
      replacement.put(this.#place, parsed.registrations);
      replacement.done();
      this.#sink.state({ kind: 'live' });
      this.#failure = undefined;
    }
    this.#good = text;
    return undefined;
  }
}

function cut(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}
