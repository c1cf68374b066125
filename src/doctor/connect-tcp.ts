import { connect } from 'node:net';
import type { HostPort } from '../files/fields.ts';

export type Connected =
  | {
      readonly kind: 'connected';
      readonly milliseconds: number;
      /** the address that this machine spoke from */
      readonly from: string;
    }
  | { readonly kind: 'refused' }
  | { readonly kind: 'silent' }
  | { readonly kind: 'unreachable'; readonly code: string };

/** Connects and ends the connection at once. */
export function connectTcp({ host, port }: HostPort, timeoutMs: number): Promise<Connected> {
  return new Promise((resolve) => {
    const start = performance.now();
    const socket = connect({ host, port });
    const end = (connected: Connected) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(connected);
    };
    // what has come when the time is over counts, even if nobody had a moment to read it
    const timer = setTimeout(() => setImmediate(() => end({ kind: 'silent' })), timeoutMs);
    socket.on('connect', () => {
      end({ kind: 'connected', milliseconds: performance.now() - start, from: socket.localAddress ?? '' });
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const code = error.code ?? error.message;
      end(code === 'ECONNREFUSED' ? { kind: 'refused' } : { kind: 'unreachable', code });
    });
  });
}
