import type { QueryLogJson, QueryLogRequest } from '../api/control.ts';
import { parseNetwork } from '../name/network.ts';
import { askControl } from './control-client.ts';
import { type Output, STATUS } from './output.ts';

/** `querylog on|off`: the running server's log of queries for a name or of clients. */
export async function setQueryLog(
  socketPath: string,
  request: QueryLogRequest,
  output: Output,
): Promise<number> {
  const problem = problemOf(request);
  if (problem !== undefined) {
    output.err(problem);
    return STATUS.badInput;
  }
  const result = await askControl<QueryLogJson>(socketPath, 'POST', '/query-log', request);
  if (!result.ok) {
    output.err(result.reason);
    return STATUS.failed;
  }
  output.out(text(result.value));
  return STATUS.ok;
}

/** What the server would refuse whatever it serves. */
function problemOf({ on, name, client }: QueryLogRequest): string | undefined {
  if (!on) return undefined;
  if (name === undefined && client === undefined)
    return "'querylog on' needs a name or a client (--name NAME, --client ADDRESS): a log of all queries would drown the server";
  const network = client === undefined ? undefined : parseNetwork(client);
  return network?.ok === false ? `--client ${network.reason}` : undefined;
}

function text({ queryLog, names, client }: QueryLogJson): string {
  const what = names.length === 0 ? [] : [` for ${names.join(' and ')} and all below`];
  const whom = client === null ? [] : [` of clients in ${client}`];
  return ['query log ', queryLog, ...what, ...whom].join('');
}
