/**
 * Providers and callers over plain TCP, for a network namespace: a provider greets with its name and echoes what it gets; a caller
 * dials what it reads from standard input, and says what it met; it can keep a connection, and speak on it later.
 *
 *     node test/support/greeter.ts serve HOST:PORT NAME
 *     node test/support/greeter.ts dial
 */
import { connect, createServer, type Socket } from 'node:net';
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

/** A connection that stays. */
export interface Kept {
  readonly met: Met;
  /** @returns whether what is sent comes back; false as well when the connection has ended */
  isAlive(): Promise<boolean>;
}

export class Caller {
  readonly child: Child;
  #calls = 0;

  constructor(launch: Launch) {
    this.child = launch(process.execPath, [FILE, 'dial'], { name: 'caller' });
  }

  call(host: string, port: number): Promise<Met> {
    return this.#ask(`call ${host} ${port}`);
  }

  async keep(host: string, port: number): Promise<Kept> {
    const met = await this.#ask(`keep ${host} ${port}`);
    const key = this.#calls;
    return { met, isAlive: async () => (await this.#ask(`echo ${key}`)).name === 'echo' };
  }

  async #ask(what: string): Promise<Met> {
    const id = ++this.#calls;
    this.child.writeLine(`${id} ${what}`);
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
  const kept = new Map<string, Socket>();
  let rest = '';
  process.stdin.on('data', (piece: Buffer) => {
    const lines = (rest + piece.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const [id = '', what, first = '', port = ''] = line.split(' ');
      const say = (met: Met) => process.stdout.write(`${id} ${JSON.stringify(met)}\n`);
      if (what === 'echo') void echoOn(kept.get(first)).then(say);
      else
        void callOnce(first, Number(port)).then(({ socket, ...met }) => {
          if (what === 'keep') kept.set(id, socket);
          else socket.destroy();
          say(met);
        });
    }
  });
}

function callOnce(host: string, port: number): Promise<Met & { readonly socket: Socket }> {
  const start = performance.now();
  return new Promise((resolve) => {
    const socket = connect(port, host);
    const end = (name: string, error: string) => {
      resolve({ name, ms: performance.now() - start, error, socket });
    };
    socket.setNoDelay();
    socket.setTimeout(12_000, () => end('', 'timeout'));
    socket.once('data', (data: Buffer) => end(data.toString().trim(), ''));
    socket.on('error', (error) => end('', error.message));
    socket.once('end', () => end('', 'closed'));
  });
}

function echoOn(socket: Socket | undefined): Promise<Met> {
  const start = performance.now();
  return new Promise((resolve) => {
    const end = (name: string, error: string) => resolve({ name, ms: performance.now() - start, error });
    if (socket === undefined || socket.destroyed || socket.readableEnded) return end('', 'closed');
    socket.once('data', (data: Buffer) => end(data.toString().trim(), ''));
    socket.once('close', () => end('', 'closed'));
    socket.write('echo\n');
  });
}

if (process.argv[1] === FILE) {
  const [, , role, at = '', name = ''] = process.argv;
  if (role === 'serve') serve(at, name);
  else dial();
}
