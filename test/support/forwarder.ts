/**
 * A TCP forwarder that stands in for a sidecar: it accepts on every local address and passes each connection
 * on, saying which address was called.
 *
 *     node test/support/forwarder.ts --port 20880 --target 127.0.0.1:20990
 */
import { connect, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Child, type Launch, startChild } from './process.ts';

export interface Forwarder {
  readonly child: Child;
  /** The local addresses that were called so far, in order: the VIPs. */
  called(): readonly string[];
  stop(): Promise<void>;
}

/** Starts one, in a namespace by its `run`, and resolves when it listens. */
export async function startForwarder(options: {
  readonly port: number;
  /** `HOST:PORT`. */
  readonly target: string;
  readonly launch?: Launch;
}): Promise<Forwarder> {
  const child = (options.launch ?? startChild)(
    process.execPath,
    [fileURLToPath(import.meta.url), '--port', String(options.port), '--target', options.target],
    { name: 'forwarder' },
  );
  await child.waitFor(/^READY$/m);
  return {
    child,
    called: () => [...child.stdout().matchAll(/^CALLED (\S+)/gm)].map((match) => match[1] ?? ''),
    async stop() {
      await child.stop();
    },
  };
}

function forward(port: number, target: string): void {
  const [host = '', targetPort = ''] = target.split(':');
  const server = createServer((caller) => {
    console.log(`CALLED ${caller.localAddress} by ${caller.remoteAddress}:${caller.remotePort}`);
    const provider = connect(Number(targetPort), host);
    caller.pipe(provider).pipe(caller);
    caller.on('error', () => provider.destroy());
    provider.on('error', () => caller.destroy());
    caller.on('close', () => provider.destroy());
    provider.on('close', () => caller.destroy());
  });
  server.listen(port, '0.0.0.0', () => console.log('READY'));
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { port: { type: 'string' }, target: { type: 'string' } } });
  if (values.port === undefined || values.target === undefined) {
    console.error('usage: forwarder.ts --port PORT --target HOST:PORT');
    process.exit(2);
  }
  forward(Number(values.port), values.target);
}
