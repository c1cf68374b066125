import { didYouMeanText } from '../base/did-you-mean.ts';
import { bad, ok, type Result } from '../base/result.ts';
import { type InterfaceName, packageLabels, simpleName } from './interface-name.ts';
import { hostLabel } from './labels.ts';

/** What the fields of a template stand for; a field that is undefined or '' disappears with its dot. */
export interface TemplateValues {
  readonly interface: InterfaceName;
  readonly application?: string | undefined;
  readonly organization?: string | undefined;
  readonly module?: string | undefined;
  readonly environment?: string | undefined;
  readonly namespace?: string | undefined;
  readonly group?: string | undefined;
}

const FIELDS = [
  'name',
  'package',
  'application',
  'organization',
  'module',
  'environment',
  'namespace',
  'group',
] as const;
type Field = (typeof FIELDS)[number];
const FILTERS = ['reverse', 'lower'] as const;
type Filter = (typeof FILTERS)[number];

type Part =
  | { readonly kind: 'label'; readonly label: string }
  | { readonly kind: 'field'; readonly field: Field; readonly filters: readonly Filter[] };

/** How a structured domain is made: fields and fixed labels between dots, `{name}.{package|reverse}.svc`. */
export interface Template {
  readonly text: string;
  readonly parts: readonly Part[];
}

export const DEFAULT_TEMPLATE_TEXT = '{name}.{package|reverse}.svc';

export function parseTemplate(text: string): Result<Template> {
  const parts: Part[] = [];
  for (const piece of text.split('.')) {
    const field = /^\{([^{}|]*)((?:\|[^{}|]*)*)\}$/.exec(piece);
    if (field === null) {
      if (!/^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$/.test(piece) || piece.length > 63) {
        return bad(`'${piece}' in the template: expected a {field} or a label of letters, digits and '-'`);
      }
      parts.push({ kind: 'label', label: piece });
      continue;
    }
    const name = FIELDS.find((known) => known === field[1]);
    if (name === undefined) {
      const meant = didYouMeanText(field[1] ?? '', FIELDS);
      return bad(`unknown field '{${field[1]}}': expected one of ${FIELDS.join(', ')}${meant}`);
    }
    const filters: Filter[] = [];
    for (const word of (field[2] ?? '').split('|').slice(1)) {
      const filter = FILTERS.find((known) => known === word);
      if (filter === undefined) return bad(`unknown '|${word}' in the template: expected |reverse or |lower`);
      filters.push(filter);
    }
    parts.push({ kind: 'field', field: name, filters });
  }
  if (!parts.some((part) => part.kind === 'field' && part.field === 'name')) {
    return bad('the template lacks {name}: all interfaces of a package would get one domain');
  }
  return ok({ text, parts });
}

const defaultTemplate = parseTemplate(DEFAULT_TEMPLATE_TEXT);
if (!defaultTemplate.ok) throw new Error(defaultTemplate.reason);
export const DEFAULT_TEMPLATE = defaultTemplate.value;

/** The labels of the structured domain from left to right; each may still be over 63 octets. */
export function expandTemplate(template: Template, values: TemplateValues): string[] {
  const labels: string[] = [];
  for (const part of template.parts) {
    if (part.kind === 'label') {
      labels.push(part.label);
      continue;
    }
    let pieces = fieldLabels(part.field, values);
    for (const filter of part.filters) {
      pieces = filter === 'reverse' ? pieces.toReversed() : pieces.map((piece) => piece.toLowerCase());
    }
    labels.push(...pieces);
  }
  return labels;
}

function fieldLabels(field: Field, values: TemplateValues): string[] {
  if (field === 'name') return [hostLabel(simpleName(values.interface))];
  if (field === 'package') return packageLabels(values.interface).map(hostLabel);
  // an organization such as trade.acme is a path of its own
  return (values[field] ?? '')
    .split('.')
    .filter((piece) => piece !== '')
    .map(hostLabel);
}
