/**
 * TCP between a network namespace and what runs beside the test: a port of 127.0.0.1 here leads to the same port of
 * 127.0.0.1 there. Socket files, which namespaces share, carry it.
 *
 *     node test/support/bridge.ts FROM=TO …     each a port of 127.0.0.1, or a path
 */
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Namespace } from './netns.ts';
import type { Cleanup } from './server.ts';
import { tempFolder } from './temp.ts';

export interface BridgedPorts {
  /** Of servers beside the test, for clients inside. */
  readonly outside?: readonly number[];
  /** Of servers inside, for the test. */
  readonly inside?: readonly number[];
}

export async function bridgePorts(
  test: Cleanup,
  namespace: Namespace,
  { outside = [], inside = [] }: BridgedPorts,
): Promise<void> {
  const folder = tempFolder('bridge');
  const pathOf = (port: number): string => join(folder, String(port));
  const here = await Promise.all([
    ...outside.map((port) => relay(pathOf(port), port)),
    ...inside.map((port) => relay(port, pathOf(port))),
  ]);
  test.after(() => {
    for (const server of here) server.close();
  });
  const pairs = [
    ...outside.map((port) => `${port}=${pathOf(port)}`),
    ...inside.map((port) => `${pathOf(port)}=${port}`),
  ];
  const there = namespace.run(process.execPath, [fileURLToPath(import.meta.url), ...pairs], {
    name: `bridge into ${namespace.name}`,
  });
  await there.waitFor(/^READY$/m);
}

async function relay(from: number | string, to: number | string): Promise<Server> {
  const server = createServer((near) => {
    const far = typeof to === 'number' ? connect(to, '127.0.0.1') : connect(to);
    near.pipe(far).pipe(near);
    for (const end of [near, far]) {
      end.on('error', () => {});
      end.on('close', () => {
        near.destroy();
        far.destroy();
      });
    }
  });
  await new Promise<void>((done, failed) => {
    server.once('error', failed);
    if (typeof from === 'number') server.listen(from, '127.0.0.1', done);
    else server.listen(from, done);
  });
  return server;
}

if (import.meta.main) {
  const end = (text = ''): number | string => (/^\d+$/.test(text) ? Number(text) : text);
  const pairs = process.argv.slice(2).map((pair) => pair.split('='));
  await Promise.all(pairs.map(([from, to]) => relay(end(from), end(to))));
  console.log('READY');
}
