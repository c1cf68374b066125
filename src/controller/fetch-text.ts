import { Agent, errors, request } from 'undici';
import { AgentError } from './agent-error.ts';

/** A pod that lists a thousand interfaces needs 200 kB. */
const MAX_OCTETS = 1024 * 1024;

/**
 * GET of an untrusted server: from this address only, no redirects, a deadline for everything, a limit on what is read.
 * Rejects with an {@link AgentError}.
 */
export async function fetchText(
  address: string,
  port: number,
  path: string,
  accept: string,
  timeoutMs: number,
): Promise<{ readonly status: number; readonly text: string }> {
  const where = `${address.includes(':') ? `[${address}]` : address}:${port}`;
  const signal = AbortSignal.timeout(timeoutMs);
  const dispatcher = new Agent({ maxResponseSize: MAX_OCTETS, pipelining: 0 });
  try {
    const { statusCode, body } = await request(`http://${where}${path}`, {
      dispatcher,
      signal,
      headers: { accept, 'user-agent': 'rpc-dns' },
    });
    return { status: statusCode, text: await body.text() };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (signal.aborted)
      throw new AgentError('Timeout', `no whole reply from ${where} within ${timeoutMs} ms`);
    if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') {
      throw new AgentError('TooLarge', `the reply of ${where} is over ${MAX_OCTETS} octets`);
    }
    if (code === 'UND_ERR_SOCKET' || code === 'ECONNRESET') {
      throw new AgentError('Unreachable', `${where}: the connection was closed without a reply`);
    }
    if (error instanceof errors.HTTPParserError) {
      const said = 'data' in error ? String(error.data).slice(0, 80) : '';
      throw new AgentError('BadReply', `${where}: the reply is not HTTP: ${said}`);
    }
    throw new AgentError('Unreachable', `${where}: ${message}`);
  } finally {
    void dispatcher.destroy();
  }
}
