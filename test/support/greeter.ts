/**
 * Providers and callers over plain TCP, for a network namespace: a provider greets with its name and echoes what it gets; a caller
 * dials what it reads from standard input, and says what it met.
 *
 *     node test/support/greeter.ts serve HOST:PORT NAME
 *     node test/support/greeter.ts dial
 */
import { connect, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Child, Launch } from './process.ts';

const FILE = fileURLToPath(import.meta.url);

/** What a call met. */
export interface Met {
  /** the provider's name; '' when the connection was closed or failed before it said anything */
  readonly name: string;
  /** from the call to the name, or to the end */
  readonly ms: number;
  readonly error: string;
}

export async function startGreeter(launch: Launch, at: string, name: string): Promise<Child> {
  const child = launch(process.execPath, [FILE, 'serve', at, name], { name: `provider ${name}` });
  await child.waitFor(/^LISTENING$/m);
  return child;
}

export class Caller {
  readonly child: Child;
  #calls = 0;

  constructor(launch: Launch) {
    this.child = launch(process.execPath, [FILE, 'dial'], { name: 'caller' });
  }

  async call(host: string, port: number): Promise<Met> {
    const id = ++this.#calls;
    this.child.writeLine(`${id} ${host} ${port}`);
    const [, text = ''] = await this.child.waitFor(new RegExp(`^${id} (\\{.*\\})$`, 'm'), {
      deadlineMs: 15_000,
    });
    return JSON.parse(text) as Met;
  }
}

function serve(at: string, name: string): void {
  const colon = at.lastIndexOf(':');
  createServer((socket) => {
    socket.on('error', () => {});
    socket.write(`${name}\n`);
    socket.pipe(socket);
  }).listen(Number(at.slice(colon + 1)), at.slice(0, colon), () => process.stdout.write('LISTENING\n'));
}

function dial(): void {
  let rest = '';
  process.stdin.on('data', (piece: Buffer) => {
    const lines = (rest + piece.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const [id = '', host = '', port = ''] = line.split(' ');
      void callOnce(host, Number(port)).then((met) => process.stdout.write(`${id} ${JSON.stringify(met)}\n`));
    }
  });
}

function callOnce(host: string, port: number): Promise<Met> {
  const start = performance.now();
  return new Promise((resolve) => {
    const socket = connect(port, host);
    const end = (name: string, error: string) => {
      socket.destroy();
      resolve({ name, ms: performance.now() - start, error });
    };
    socket.setNoDelay();
    socket.setTimeout(12_000, () => end('', 'timeout'));
    socket.once('data', (data: Buffer) => end(data.toString().trim(), ''));
    socket.once('error', (error) => end('', error.message));
    socket.once('end', () => end('', 'closed'));
  });
}

if (process.argv[1] === FILE) {
  const [, , role, at = '', name = ''] = process.argv;
  if (role === 'serve') serve(at, name);
  else dial();
}
