import { subjectText } from '../name/application-name.ts';
import { labelsOf } from '../name/domain-name.ts';
import { serviceKeyText } from '../name/interface-name.ts';
import { applicationLabel } from '../name/labels.ts';
import type { Placement } from '../vip/placements.ts';
import type { Refusal } from './claims.ts';
import type { InterfaceNames } from './naming.ts';
import type { LabelledApplication, Placed } from './record.ts';

/** What an interface lost to others, for people: names, pins, and what its registries disagree on. */
export function conflictsOf(
  names: InterfaceNames,
  placed: readonly Placed[],
  refusals: readonly Refusal[],
): string[] {
  const lost = names.losses.map(({ wanted, got, holder }) => {
    const instead = got === undefined ? 'is left out' : `is ${labelsOf(got).join('.')} instead`;
    return `${labelsOf(wanted).join('.')} belongs to ${subjectText(holder)}: the name ${instead}`;
  });
  const refused = placed.flatMap(({ merged, vip }) => {
    return vip.refusedPin === undefined
      ? []
      : [`pin of ${serviceKeyText(merged.key)} refused: ${vip.refusedPin}`];
  });
  const outdone = placed.flatMap(({ merged, vip }) =>
    vip.losers.map(
      (loser) => `${serviceKeyText(merged.key)} is behind Service ${serviceText(vip.behind)}: ${loser}`,
    ),
  );
  const denied = refusals.map(({ text }) => text);
  const disagreed = placed.flatMap(({ merged }) => merged.conflicts);
  const all = [...lost, ...refused, ...outdone, ...denied, ...disagreed];
  return all.length === 0 ? all : [...new Set(all)];
}

/** `trade/user-center` */
function serviceText(behind: Placement | undefined): string {
  return behind === undefined ? '' : `${behind.namespace}/${behind.name}`;
}

/** Applications whose label an older one has. */
export function labelLosses(labelled: readonly LabelledApplication[]): string[] {
  return labelled.flatMap(({ application, label, holder }) => {
    if (holder === application) return [];
    const wanted = applicationLabel(application);
    return [`${wanted}.app belongs to application ${holder}: that of ${application} is ${label}.app instead`];
  });
}
