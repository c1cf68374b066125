import { checkServiceKey, parseInterfaceName } from '../name/interface-name.ts';
import type { InterfaceEntry } from '../registry/kubernetes/objects.ts';
import { AgentError } from './agent-error.ts';
import { fetchText } from './fetch-text.ts';

const REFUSED =
  'Dubbo refuses questions from another address: the application needs ' +
  'dubbo.application.qos-accept-foreign-ip-whitelist with the network of rpc-dns, or qos-accept-foreign-ip=true ' +
  'together with qos-anonymous-access-permission-level=PROTECTED';

/** Exported by each application for Dubbo itself; nobody calls them by name. */
const OWN = /^org\.apache\.dubbo\.metadata\./;

/**
 * Asks Dubbo's QoS port for the services that the application exports (`ls`). Rejects with an {@link AgentError}; a
 * refusal says which property of the application opens the port.
 */
export async function askQosAgent(
  address: string,
  port: number,
  timeoutMs: number,
): Promise<readonly InterfaceEntry[]> {
  let reply: { status: number; text: string };
  try {
    reply = await fetchText(address, port, '/ls', 'text/plain', timeoutMs);
  } catch (error) {
    // Dubbo accepts the connection of a stranger and closes it without a word
    if (error instanceof AgentError && error.reason === 'Unreachable' && error.message.includes('closed')) {
      throw new AgentError('QosForeignIpRefused', REFUSED);
    }
    throw error;
  }
  if (/foreign ip|permission/i.test(reply.text) && !reply.text.includes('As Provider side')) {
    throw new AgentError('QosForeignIpRefused', REFUSED);
  }
  return parseLs(reply.text);
}

/**
 * The first column of the table under `As Provider side:`:
 *
 *     As Provider side:
 *     +--------------------------------+------------------+
 *     |      Provider Service Name     |        PUB       |
 *     +--------------------------------+------------------+
 *     | g1/com.foo.UserService:1.0.0   | zookeeper-I(Y)   |
 *
 * A long cell goes on in the next line, whose other cells are empty.
 */
export function parseLs(text: string): InterfaceEntry[] {
  const from = text.indexOf('As Provider side');
  if (from < 0)
    throw new AgentError('BadReply', `the reply to ls has no 'As Provider side': ${text.slice(0, 80)}`);
  const to = text.indexOf('As Consumer side', from);
  const rows = text
    .slice(from, to < 0 ? undefined : to)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    );
  const keys: string[] = [];
  for (const [key = '', ...others] of rows.slice(1)) {
    const isContinued = key !== '' && others.length > 0 && others.every((cell) => cell === '');
    const last = keys.at(-1);
    if (isContinued && last !== undefined) keys[keys.length - 1] = last + key;
    else if (key !== '') keys.push(key);
  }
  return keys.flatMap((key) => {
    const match = /^(?:([^/]+)\/)?([^/:]+)(?::([^:]+))?$/.exec(key);
    const [, group = '', name = '', version = ''] = match ?? [];
    if (match === null || OWN.test(name) || !parseInterfaceName(name).ok) return [];
    return checkServiceKey(version, group) === undefined ? [{ name, version, group }] : [];
  });
}
