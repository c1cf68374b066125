/**
 * HTTP agents of many pods in one process: each local address is a pod, answers what the test says, and tells when it
 * was asked.
 *
 *     node test/support/pod-agents.ts --port 8088          then, on its standard input: ADDRESS JSON
 */
import { createServer, type ServerResponse } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Launch, startChild } from './process.ts';
import type { Cleanup } from './server.ts';

export type AgentReply =
  /** The body; default status 200. */
  | { readonly body: string; readonly status?: number }
  /** So many octets of JSON, as one string. */
  | { readonly octets: number }
  | 'silence';

export interface PodAgents {
  readonly port: number;
  /** What the pod with this address answers from now on. One that was told nothing answers 404. */
  answer(address: string, reply: AgentReply): Promise<void>;
  /** The paths that it was asked for so far. */
  asked(address: string): readonly string[];
}

/** Starts them, in a namespace by its `run`, and resolves when they listen. */
export async function startPodAgents(
  test: Cleanup,
  { port, launch = startChild }: { readonly port: number; readonly launch?: Launch },
): Promise<PodAgents> {
  const args = [fileURLToPath(import.meta.url), '--port', String(port)];
  const child = launch(process.execPath, args, { name: 'agents of pods' });
  test.after(() => child.kill());
  await child.waitFor(/^READY$/m);
  let told = 0;
  return {
    port,
    async answer(address, reply) {
      const count = ++told;
      child.writeLine(JSON.stringify({ address, reply, count }));
      await child.waitFor(new RegExp(`^TOLD ${count}$`, 'm'));
    },
    asked: (address) => {
      const lines = [...child.stdout().matchAll(/^ASKED (\S+) (\S+)$/gm)];
      return lines.flatMap(([, asked, path = '']) => (asked === address ? [path] : []));
    },
  };
}

function send(response: ServerResponse, reply: AgentReply | undefined): void {
  if (reply === 'silence') return;
  if (reply === undefined) {
    response.writeHead(404).end();
  } else if ('octets' in reply) {
    response.end(`"${'x'.repeat(reply.octets - 2)}"`);
  } else {
    response.writeHead(reply.status ?? 200, { 'content-type': 'application/json' }).end(reply.body);
  }
}

function serve(port: number): void {
  const replies = new Map<string, AgentReply>();
  const server = createServer((request, response) => {
    const address = request.socket.localAddress ?? '';
    console.log(`ASKED ${address} ${request.url}`);
    send(response, replies.get(address));
  });
  createInterface(process.stdin).on('line', (line) => {
    const { address, reply, count } = JSON.parse(line) as {
      address: string;
      reply: AgentReply;
      count: number;
    };
    replies.set(address, reply);
    console.log(`TOLD ${count}`);
  });
  server.listen(port, '0.0.0.0', () => console.log('READY'));
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { port: { type: 'string' } } });
  if (values.port === undefined) {
    console.error('usage: pod-agents.ts --port PORT');
    process.exit(2);
  }
  serve(Number(values.port));
}
