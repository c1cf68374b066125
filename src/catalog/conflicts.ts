import { serviceKeyText } from '../name/interface-name.ts';
import type { Placed } from './entry.ts';
import type { InterfaceNames } from './interface-names.ts';

/** What an interface lost to others, for people: names, pins, and what its registries disagree on. */
export function conflictsOf(names: InterfaceNames, placed: readonly Placed[]): string[] {
  const lost = names.losses.map(({ wanted, got, holder }) => {
    const instead = got === undefined ? 'is left out' : `is ${readable(got)} instead`;
    return `${readable(wanted)} belongs to ${holder}: the name ${instead}`;
  });
  const refused = placed.flatMap(({ merged, vip }) => {
    return vip.refusedPin === undefined
      ? []
      : [`pin of ${serviceKeyText(merged.key)} refused: ${vip.refusedPin}`];
  });
  return [...new Set([...lost, ...refused, ...placed.flatMap(({ merged }) => merged.conflicts)])];
}

function readable(name: string): string {
  let text = '';
  for (let at = 0; at < name.length; at += name.charCodeAt(at) + 1) {
    text += `${text === '' ? '' : '.'}${name.slice(at + 1, at + 1 + name.charCodeAt(at))}`;
  }
  return text;
}
