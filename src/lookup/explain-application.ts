import type { EventLine } from '../event-line/event-line.ts';
import { addressText } from '../name/address.ts';
import { type DomainName, join, prefixOf, toShortText } from '../name/domain-name.ts';
import type { InterfaceName } from '../name/interface-name.ts';

/** What is known of an application, for people and as JSON. */
export interface ApplicationExplanation {
  readonly application: string;
  /** its name in the first zone, which has the VIPs of all its interfaces */
  readonly name: string;
  readonly interfaces: readonly {
    readonly interface: InterfaceName;
    readonly vips: readonly string[];
    /** why there is none */
    readonly failure: string | null;
  }[];
}

/** @param label as in `user-center.app`; @param members the interfaces that are part of it */
export function explainApplication(
  line: EventLine,
  zone: DomainName,
  { application, label, members }: { application: string; label: string; members: readonly InterfaceName[] },
): ApplicationExplanation {
  const prefix = prefixOf(label, 'app');
  if (prefix === undefined) throw new Error(`no label: ${label}`);
  return {
    application,
    name: toShortText(join(prefix, zone)),
    interfaces: members.map((name) => {
      const part = line.feed.viewOf(name)?.applications.find((one) => one.label === label);
      const vips = part?.addresses.map(addressText) ?? [];
      return { interface: name, vips, failure: part?.failure ?? null };
    }),
  };
}
