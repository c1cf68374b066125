import DNS from 'dns2';
import { type MessageJson, messageJson } from '../api/message-json.ts';
import { bad, ok, type Result } from '../base/result.ts';
import { parseAddress, splitHostPort } from '../name/address.ts';
import { answerLines } from './lookup-text.ts';
import { type Output, STATUS } from './output.ts';

const UDP_TIMEOUT_MS = 2000;

/** `lookup --server`: what a DNS server says, asked with dns2's clients: by UDP, and by TCP when that was cut. */
export async function lookupServer(
  server: string,
  name: string,
  type: string,
  json: boolean,
  output: Output,
): Promise<number> {
  const address = splitHostPort(server);
  if (address === undefined || parseAddress(address.host) === undefined) {
    output.err(`'${server}': expected ADDRESS:PORT such as 127.0.0.1:5300`);
    return STATUS.badInput;
  }
  const result = await askServer(address, name, type, false);
  if (!result.ok) {
    output.err(`${server}: ${result.reason}`);
    return STATUS.failed;
  }
  output.out(json ? JSON.stringify(result.value, undefined, 2) : answerLines(result.value).join('\n'));
  return STATUS.ok;
}

/**
 * @param recursive whether recursion is desired, as stub resolvers do
 * @param timeoutMs for the answer over UDP
 */
export async function askServer(
  { host, port }: { host: string; port: number },
  name: string,
  type: string,
  recursive: boolean,
  timeoutMs = UDP_TIMEOUT_MS,
): Promise<Result<MessageJson>> {
  const upper = type.toUpperCase();
  if (!Object.hasOwn(DNS.Packet.TYPE, upper)) {
    return bad(`type ${type}: expected one of ${Object.keys(DNS.Packet.TYPE).join(', ')} with --server`);
  }
  const resolve = DNS.UDPClient({
    dns: host,
    port,
    socketType: host.includes(':') ? 'udp6' : 'udp4',
    timeout: timeoutMs,
  });
  try {
    const packet = await resolve(name, upper, DNS.Packet.CLASS.IN, { recursive });
    return ok(messageJson(packet.toBuffer()));
  } catch (error) {
    return bad((error as Error).message);
  }
}
