import { z } from 'zod';
import type { InterfaceEntry } from '../registry/kubernetes/objects.ts';
import { AgentError } from './agent-error.ts';
import { fetchText } from './fetch-text.ts';
import { MAX_INTERFACES } from './status.ts';

/** What an `http` agent answers; `manifests/agent.schema.json` is this as JSON Schema. */
export const agentReply = z.object({
  interfaces: z
    .array(
      z.object({
        name: z.string().min(1).max(1024),
        version: z.string().max(255).default(''),
        group: z.string().max(255).default(''),
        protocol: z.string().min(1).max(62).optional(),
        port: z.int().min(1).max(65535).optional(),
      }),
    )
    .max(MAX_INTERFACES),
});

/** As JSON Schema (draft 2020-12), with what may be left out. */
export function agentReplySchema(): object {
  return {
    title: 'What an http agent of rpc-dns answers: the interfaces that its pod exports',
    ...z.toJSONSchema(agentReply, { io: 'input' }),
  };
}

/** Asks `http://ADDRESS:PORT/PATH` for a JSON list of interfaces. Rejects with an {@link AgentError}. */
export async function askHttpAgent(
  address: string,
  port: number,
  path: string,
  timeoutMs: number,
): Promise<readonly InterfaceEntry[]> {
  const { status, text } = await fetchText(address, port, path, 'application/json', timeoutMs);
  if (status !== 200) throw new AgentError('BadReply', `the agent answered with HTTP status ${status}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new AgentError('BadReply', `the agent's reply is not JSON: ${text.slice(0, 80)}`);
  }
  const parsed = agentReply.safeParse(value);
  if (parsed.success) return parsed.data.interfaces;
  const [issue] = parsed.error.issues;
  if (issue?.code === 'too_big' && issue.path.join('.') === 'interfaces') {
    throw new AgentError('TooLarge', `the agent's reply has more than ${MAX_INTERFACES} interfaces`);
  }
  throw new AgentError(
    'BadReply',
    `the agent's reply: ${issue?.path.join('.') || 'document'}: ${issue?.message}`,
  );
}
