import type { Address } from '../name/address.ts';
import type { DomainName, Prefix } from '../name/domain-name.ts';
import type { Octets } from '../name/octets.ts';

/**
 * What the query line knows of one interface: everything that its names answer, in every zone. It crosses threads and
 * rests as one JSON text; its names are derived from it when they are asked.
 */
export interface InterfaceEntry {
  readonly interface: string;
  /** the call names that it owns, relative to the zone, as registered; a lost one is missing */
  readonly callNames: readonly Prefix[];
  /** the structured domain, relative to the zone */
  readonly domain: Prefix;
  /** the label of the DNS-SD instances */
  readonly instance: Octets;
  /** seconds */
  readonly ttl: number;
  /** the first one is the plain name's, without labels; then versions, groups and pairs */
  readonly forms: readonly FormEntry[];
  readonly applications: readonly ApplicationEntry[];
}

/** One of the names of an interface: the plain one, a version's, a group's or a pair's. */
export interface FormEntry {
  /** lower-cased labels in front of call name and structured domain: '', `ver-1-0-0`, `grp-gray`, both */
  readonly labels: Prefix;
  readonly addresses: readonly Address[];
  /** why there are no addresses */
  readonly failure?: string;
  readonly ports: readonly PortEntry[];
  readonly endpoints: readonly EndpointEntry[];
  /** character-strings of the TXT record, each at most 255 octets */
  readonly text: readonly Octets[];
}

export interface PortEntry {
  /** `_dubbo` */
  readonly service: Octets;
  readonly port: number;
}

export interface EndpointEntry {
  /** exactly one of both */
  readonly address?: Address;
  readonly hostName?: DomainName;
  readonly service: Octets;
  readonly port: number;
}

export interface ApplicationEntry {
  readonly label: Octets;
  readonly addresses: readonly Address[];
  readonly failure?: string;
}

/** A form at rest: often a version's says what the plain one says. */
type RestingForm = FormEntry | { readonly labels: Prefix; readonly like: number };

/** The entry as it rests and crosses threads: JSON, in which a form that repeats an earlier one names it. */
export function entryText(entry: InterfaceEntry): string {
  const seen = new Map<string, number>();
  const forms = entry.forms.map(({ labels, ...rest }, i): RestingForm => {
    const text = JSON.stringify(rest);
    const like = seen.get(text);
    if (like !== undefined) return { labels, like };
    seen.set(text, i);
    return { labels, ...rest };
  });
  return JSON.stringify({ ...entry, forms });
}

export function readEntry(text: string): InterfaceEntry {
  const resting = JSON.parse(text) as Omit<InterfaceEntry, 'forms'> & {
    readonly forms: readonly RestingForm[];
  };
  const forms: FormEntry[] = [];
  for (const form of resting.forms) {
    const same = 'like' in form ? forms[form.like] : form;
    if (same !== undefined) forms.push({ ...same, labels: form.labels });
  }
  return { ...resting, forms };
}
