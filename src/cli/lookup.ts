import type { LookupResult } from '../api/look-up.ts';
import { askControl } from './control-client.ts';
import { lookupText } from './lookup-text.ts';
import { type Output, STATUS } from './output.ts';

/**
 * `lookup` by the control socket: what a name is, whose, and what would be answered.
 *
 * @param type undefined: the one that names of this sort have
 */
export async function lookup(
  socketPath: string,
  name: string,
  type: string | undefined,
  json: boolean,
  output: Output,
): Promise<number> {
  const query = new URLSearchParams({ name, ...(type === undefined ? {} : { type }) }).toString();
  const result = await askControl<LookupResult>(socketPath, 'GET', `/lookup?${query}`);
  if (!result.ok) {
    output.err(result.reason);
    return STATUS.failed;
  }
  output.out(json ? JSON.stringify(result.value, undefined, 2) : lookupText(name, result.value));
  return STATUS.ok;
}
