import { chmodSync, existsSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import type { Hono } from 'hono';

export interface Listening {
  close(): Promise<void>;
}

/** Serves over TCP. Rejects when the address cannot be bound. */
export function listenTcp(app: Hono, host: string, port: number): Promise<Listening> {
  return listen(app, (server) => server.listen({ host, port }));
}

/** Serves over a Unix socket that only the server's own user can reach. Rejects when it is in use. */
export async function listenUnix(app: Hono, path: string): Promise<Listening> {
  mkdirSync(dirname(path), { recursive: true });
  if (existsSync(path)) {
    // a mistyped path must not cost anybody a file
    if (!lstatSync(path).isSocket()) throw new Error('something that is no socket is there already');
    // a socket left over by a killed process is in nobody's use
    if (!(await answers(path))) unlinkSync(path);
  }
  const listening = await listen(app, (server) => server.listen({ path }));
  chmodSync(path, 0o600);
  return listening;
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function listen(app: Hono, start: (server: Server) => void): Promise<Listening> {
  const server = createServer(getRequestListener(app.fetch));
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      resolve({
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            server.closeAllConnections();
          }),
      });
    });
    start(server);
  });
}
