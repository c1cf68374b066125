import { askControl } from './control-client.ts';
import { type Output, STATUS } from './output.ts';

/** `querylog on|off`: the running server's log of queries for a name or a client. */
export async function setQueryLog(
  socketPath: string,
  request: { on: boolean; name?: string; client?: string },
  output: Output,
): Promise<number> {
  const result = await askControl<{ queryLog: string }>(socketPath, 'POST', '/query-log', request);
  if (!result.ok) {
    output.err(result.reason);
    return STATUS.failed;
  }
  output.out(`query log ${result.value.queryLog}`);
  return STATUS.ok;
}
