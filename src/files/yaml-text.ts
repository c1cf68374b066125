import { stringify } from 'yaml';

/** A value as YAML that people read; no anchors, no lines that are broken. */
export function yamlText(value: object): string {
  return stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 });
}
