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
    // older Dubbo accepts the connection of a stranger and closes it, without a word or with one that is no HTTP
    if (error instanceof AgentError && /closed without a reply|foreign ip/i.test(error.message)) {
      throw new AgentError('QosForeignIpRefused', REFUSED);
    }
    throw error;
  }
  // since 3.2 a stranger may ask, though nothing that is PROTECTED, as ls is
  if (reply.status === 403) throw new AgentError('QosForeignIpRefused', REFUSED);
  if (reply.status !== 200)
    throw new AgentError('BadReply', `ls was answered with HTTP status ${reply.status}`);
  return parseLs(reply.text);
}

/**
 * The first column of the table under `As Provider side:`:
 *
 *     As Provider side:
 *     +------------------------------+--------------+
 *     |    Provider Service Name     |      PUB     |
 *     +------------------------------+--------------+
 *     | g1/com.foo.UserService:1.0.0 |zookeeper-I(Y)|
 *     +------------------------------+--------------+
 *     |     com.foo.OrderService     |              |
 *     +------------------------------+--------------+
 *
 * The second is empty for what is registered nowhere. A rule stands between all rows, so lines without one between them
 * are one row.
 */
export function parseLs(text: string): InterfaceEntry[] {
  const from = text.indexOf('As Provider side');
  if (from < 0)
    throw new AgentError('BadReply', `the reply to ls has no 'As Provider side': ${text.slice(0, 80)}`);
  const to = text.indexOf('As Consumer side', from);
  const [, ...rows] = text
    .slice(from, to < 0 ? undefined : to)
    .split(/^ *\+[-+]+ *\r?$/m)
    .slice(1);
  const keys = rows.map((row) => {
    const lines = row.split('\n').map((line) => line.trim());
    return lines.map((line) => (line.startsWith('|') ? (line.split('|')[1] ?? '').trim() : '')).join('');
  });
  return keys.flatMap((key) => {
    const match = /^(?:([^/]+)\/)?([^/:]+)(?::([^:]+))?$/.exec(key);
    const [, group = '', name = '', version = ''] = match ?? [];
    if (match === null || OWN.test(name) || !parseInterfaceName(name).ok) return [];
    return checkServiceKey(version, group) === undefined ? [{ name, version, group }] : [];
  });
}
