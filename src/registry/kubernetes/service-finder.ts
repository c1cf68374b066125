import { MultiMap } from '../../base/multi-map.ts';
import type { Kind } from '../../kubernetes/kind.ts';
import { type KeptRpcService, type KeptService, selectorText } from './objects.ts';
import type { FoundService } from './parse.ts';

/**
 * Which Service an RPCService means: the one that it names, the only one with its selector, or the one of its own name.
 * Knows, too, which RPCServices a change of a Service concerns.
 */
export class ServiceFinder {
  readonly #services: Kind<KeptService>;
  /** RPCServices by the key of the Service that they name */
  readonly #byName = new MultiMap<string, string>();
  /** RPCServices with a selector, by namespace and selector */
  readonly #bySelector = new MultiMap<string, string>();
  /** under which of both an RPCService stands */
  readonly #wanted = new Map<string, string>();
  /** Services by namespace and selector; filled when the first RPCService asks by one */
  readonly #selected = new MultiMap<string, string>();
  /** the selector under which a Service was seen last */
  readonly #selectorOf = new Map<string, string>();
  #isIndexed = false;

  constructor(services: Kind<KeptService>) {
    this.#services = services;
  }

  find({ namespace, name, spec }: KeptRpcService): FoundService {
    if (spec.service === undefined && spec.selector !== undefined) {
      this.#index();
      const text = selectorText(spec.selector);
      const keys = [...this.#selected.get(`${namespace} ${text}`)].sort();
      const services = keys.flatMap((key) => this.#services.get(key) ?? []);
      const [service] = services;
      if (services.length > 1) {
        const names = services.map((one) => one.service.name).join(', ');
        return {
          ok: false,
          reason: 'Ambiguous',
          text: `selector ${text} is that of several Services: ${names}`,
        };
      }
      if (service === undefined) {
        return {
          ok: false,
          reason: 'ServiceNotFound',
          text: `no Service has the whole selector ${text || '{}'}`,
        };
      }
      return { ok: true, service };
    }
    const wanted = `${namespace}/${spec.service ?? name}`;
    const service = this.#services.get(wanted);
    if (service !== undefined) return { ok: true, service };
    return { ok: false, reason: 'ServiceNotFound', text: `there is no Service ${wanted}` };
  }

  #index(): void {
    if (this.#isIndexed) return;
    this.#isIndexed = true;
    for (const [key] of this.#services.entries()) this.noteService(key);
  }

  noteRpcService(key: string, object: KeptRpcService | undefined): void {
    const before = this.#wanted.get(key);
    if (before !== undefined) {
      this.#byName.delete(before, key);
      this.#bySelector.delete(before, key);
      this.#wanted.delete(key);
    }
    if (object === undefined) return;
    const { namespace, name, spec } = object;
    const isBySelector = spec.service === undefined && spec.selector !== undefined;
    const wanted = isBySelector
      ? `${namespace} ${selectorText(spec.selector ?? {})}`
      : `${namespace}/${spec.service ?? name}`;
    this.#wanted.set(key, wanted);
    (isBySelector ? this.#bySelector : this.#byName).add(wanted, key);
  }

  /** @returns keys of the RPCServices that the change concerns */
  noteService(key: string): string[] {
    if (!this.#isIndexed) return [...this.#byName.get(key)];
    const kept = this.#services.get(key);
    const before = this.#selectorOf.get(key);
    const after =
      kept === undefined || kept.selector === '' ? undefined : `${kept.service.namespace} ${kept.selector}`;
    if (before !== after) {
      if (before !== undefined) this.#selected.delete(before, key);
      this.#selectorOf.delete(key);
      if (after !== undefined) {
        this.#selected.add(after, key);
        this.#selectorOf.set(key, after);
      }
    }
    const selectors = [before, after].flatMap((text) =>
      text === undefined ? [] : [...this.#bySelector.get(text)],
    );
    return [...this.#byName.get(key), ...selectors];
  }
}
