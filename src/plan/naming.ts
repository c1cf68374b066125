import { constantPrefix, type Prefix } from '../name/domain-name.ts';
import { baseLimit, callNameLabels, fitLabels, withHash } from '../name/interface-domain.ts';
import type { InterfaceName } from '../name/interface-name.ts';
import { hashedLabel, shortenLabel } from '../name/labels.ts';
import { DEFAULT_TEMPLATE, expandTemplate, type Template, type TemplateValues } from '../name/template.ts';
import { type ClaimKind, lowered, type NameDraft } from './name-book.ts';

/** The names that an interface got, relative to a zone, and those that it lost. */
export interface InterfaceNames {
  readonly callNames: readonly Prefix[];
  readonly domain: Prefix;
  readonly instance: string;
  readonly losses: readonly NameLoss[];
}

export interface NameLoss {
  readonly wanted: Prefix;
  readonly got: Prefix | undefined;
  readonly holder: InterfaceName;
}

export interface NamingOptions {
  readonly template: Template;
  /** octets of the longest zone name */
  readonly zoneLength: number;
}

/** A name of one interface or application, attempt by attempt; undefined: all are taken. */
type Claim = (kind: ClaimKind, ...attempts: readonly (() => Prefix)[]) => Prefix | undefined;

function claimer(
  book: NameDraft,
  name: InterfaceName,
  ordinal: number,
): { readonly claim: Claim; readonly losses: NameLoss[]; readonly kept: Set<string> } {
  const losses: NameLoss[] = [];
  const kept = new Set<string>();
  // each attempt is made only when those before it failed: a hash costs more than all the rest
  const claim: Claim = (kind, ...attempts) => {
    const lost: { wanted: Prefix; holder: InterfaceName }[] = [];
    let got: Prefix | undefined;
    for (const attempt of attempts) {
      const wanted = attempt();
      kept.add(lowered(wanted));
      const result = book.claim(wanted, { interface: name, kind, ordinal });
      if (result.granted) {
        got = wanted;
        break;
      }
      lost.push({ wanted, holder: result.holder });
    }
    for (const { wanted, holder } of lost) losses.push({ wanted, holder, got });
    return got;
  };
  return { claim, losses, kept };
}

/**
 * Claims the name of an application that a registry knows by itself: `user-service.app`. It has no call name, and no template
 * says what it is called.
 *
 * @param label what the application got among those that make the same one
 */
export function claimApplicationName(
  book: NameDraft,
  name: InterfaceName,
  ordinal: number,
  label: string,
): InterfaceNames {
  const { claim, losses, kept } = claimer(book, name, ordinal);
  const domain = claim(
    'application',
    () => constantPrefix(label, 'app'),
    () => constantPrefix(hashedLabel(label, name), 'app'),
  );
  book.release(name, kept);
  return {
    callNames: [],
    domain: domain ?? constantPrefix(hashedLabel(hashedLabel(label, name), `${name} again`), 'app'),
    instance: shortenLabel(`${label}.app`),
    losses,
  };
}

/** Claims the names of one interface in the book; see contract 1.1 for the order of the attempts. */
export function claimNames(
  book: NameDraft,
  name: InterfaceName,
  ordinal: number,
  values: TemplateValues,
  options: NamingOptions,
): InterfaceNames {
  const limit = baseLimit(options.zoneLength);
  const { claim, losses, kept } = claimer(book, name, ordinal);
  const templated = expandTemplate(options.template, values);
  const plain = () => expandTemplate(DEFAULT_TEMPLATE, values);
  const domain = claim(
    'domain',
    () => fitLabels(templated, limit, name),
    () => fitLabels(plain(), limit, name),
    () => fitLabels(withHash(plain(), name), limit, name),
  );
  const callNames = callNameLabels(name).flatMap((labels) => {
    const got = claim(
      'call',
      () => fitLabels(labels, limit, name),
      () => fitLabels(withHash(labels, name), limit, name),
    );
    return got ?? [];
  });
  book.release(name, kept);
  const collided =
    losses.length > 0 &&
    losses.some(
      ({ wanted }) => lowered(wanted) === lowered(fitLabels(callNameLabels(name)[0] ?? [], limit, name)),
    );
  return {
    callNames: callNames,
    // three attempts fail only if someone registers a hash of this very name on purpose: then a longer hash serves
    domain: domain ?? fitLabels(withHash(withHash(plain(), name), `${name} again`), limit, name),
    instance: collided ? hashedLabel(name, name) : shortenLabel(name),
    losses: losses,
  };
}
