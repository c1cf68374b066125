import type { AgentReason } from './status.ts';

/** A Register Agent gave no usable answer; the message is for the object's condition. */
export class AgentError extends Error {
  override readonly name = 'AgentError';
  readonly reason: AgentReason;

  constructor(reason: AgentReason, message: string) {
    super(message);
    this.reason = reason;
  }
}
