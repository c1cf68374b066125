import { subjectText } from '../name/application-name.ts';
import { firstLabel, type Prefix } from '../name/domain-name.ts';
import type { InterfaceName } from '../name/interface-name.ts';
import { TCP } from '../zone/interface-node.ts';
import { APPLICATIONS, SERVICES } from '../zone/registry-names.ts';
import { lowered } from './name-book.ts';

/** What else may own a name, of those that go before a call name (contract 1.1, "one owner name, one source"). */
export interface Outranking {
  ownerOf(name: Prefix): InterfaceName | undefined;
  /** the application that has this label */
  applicationAt(label: string): string | undefined;
  hasService(service: string): boolean;
  /** Whether an interface has a name at these labels in front of its own. */
  derives(owner: InterfaceName, below: Prefix): boolean;
}

const MARKS: ReadonlySet<string> = new Set(['ver-', 'grp-']);

/** Whether a call name looks as one that may belong to something else: few do. */
export function mayBeOutranked(callName: Prefix): boolean {
  let labels = 0;
  let last = 0;
  for (let at = 0; at < callName.length; at += callName.charCodeAt(at) + 1) {
    labels++;
    last = at;
    if (callName[at + 1] === '_' || MARKS.has(callName.slice(at + 1, at + 5).toLowerCase())) return true;
  }
  return labels === 2 && lowered(callName.slice(last) as Prefix) === APPLICATIONS;
}

/** Who has a call name in its owner's place, for people; undefined: nobody. */
export function outrankedBy(callName: Prefix, owner: InterfaceName, names: Outranking): string | undefined {
  const name = lowered(callName) as Prefix;
  if (!mayBeOutranked(name)) return undefined;
  const derived = derivedBy(name, owner, names);
  if (derived !== undefined) return `is a name of ${subjectText(derived)}`;
  if (name === SERVICES) return 'lists what can be browsed (RFC 6763)';
  const label = firstLabel(name);
  const rest = name.slice(label.length + 1);
  if (rest === TCP && names.hasService(label)) return `lists the interfaces of ${label} (RFC 6763)`;
  const application = rest === APPLICATIONS ? names.applicationAt(label) : undefined;
  return application === undefined ? undefined : `belongs to application ${application}`;
}

/** The interface with the nearest name above, if it has this one below: a version, a group, SRV, an endpoint. */
function derivedBy(name: Prefix, owner: InterfaceName, names: Outranking): InterfaceName | undefined {
  for (let at = name.charCodeAt(0) + 1; at < name.length; at += name.charCodeAt(at) + 1) {
    const above = names.ownerOf(name.slice(at) as Prefix);
    if (above === undefined) continue;
    return above !== owner && names.derives(above, name.slice(0, at) as Prefix) ? above : undefined;
  }
  return undefined;
}
