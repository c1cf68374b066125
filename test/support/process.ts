/** Long-running children of a test: start, wait for a line, stop; none outlives the test process. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

/** How a child ended: one of the two is null. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ChildOptions {
  /** What error texts call it; default: the command. */
  readonly name?: string;
  /** Added to the environment of the test process; undefined removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
}

/** A function that starts a child somewhere: `startChild` here, a namespace's `run` inside it. */
export type Launch = (command: string, args: readonly string[], options?: ChildOptions) => Child;

export interface Child {
  readonly name: string;
  readonly pid: number;
  readonly running: boolean;
  /** Settles when the process has ended and its output is complete; never rejects. */
  readonly exited: Promise<Exit>;
  stdout(): string;
  stderr(): string;
  /** Both streams, in order of arrival. */
  output(): string;
  /** The first match in `output()`, from `from` on; rejects when the child ends or the time is up. */
  waitFor(pattern: RegExp, options?: { deadlineMs?: number; from?: number }): Promise<RegExpExecArray>;
  /** Writes one line to the child's standard input. */
  writeLine(line: string): void;
  /** Closes its standard input. */
  endInput(): void;
  signal(signal: NodeJS.Signals): void;
  /** SIGTERM, and SIGKILL when the child has not ended by the deadline. */
  stop(options?: { signal?: NodeJS.Signals; deadlineMs?: number }): Promise<Exit>;
  /** SIGKILL, as `kill -9` does. */
  kill(): Promise<Exit>;
}

const SETPRIV = '/usr/bin/setpriv';
const running = new Map<number, ChildProcessByStdio<Writable, Readable, Readable>>();
let watchesOwnExit = false;

/** Starts a command; throws at once when it cannot be started. */
export function startChild(command: string, args: readonly string[], options: ChildOptions = {}): Child {
  killChildrenWithThisProcess();
  const name = options.name ?? command;
  const [program, argv] = boundToThisProcess(command, args);
  const child = spawn(program, argv, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const { pid } = child;
  if (pid === undefined) {
    child.once('error', () => {});
    throw new Error(`${name}: cannot start ${program}`);
  }
  running.set(pid, child);

  let stdout = '';
  let stderr = '';
  let output = '';
  const listeners = new Set<() => void>();
  const notify = (): void => {
    for (const listener of listeners) listener();
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    output += text;
    notify();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    output += text;
    notify();
  });
  // A line written to a child that has just ended is no failure of the test.
  child.stdin.on('error', () => {});

  let exit: Exit | null = null;
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', () => running.delete(pid));
    child.once('close', (code, signal) => {
      exit = { code, signal };
      resolve(exit);
      notify();
    });
  });

  const signal = (name: NodeJS.Signals): void => {
    child.kill(name);
  };
  const kill = (): Promise<Exit> => {
    signal('SIGKILL');
    return exited;
  };

  return {
    name,
    pid,
    get running() {
      return child.exitCode === null && child.signalCode === null;
    },
    exited,
    stdout: () => stdout,
    stderr: () => stderr,
    output: () => output,
    waitFor(pattern, { deadlineMs = 30_000, from = 0 } = {}) {
      return new Promise((resolve, reject) => {
        const finish = (): void => {
          listeners.delete(look);
          clearTimeout(timer);
        };
        const look = (): void => {
          const match = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, '')).exec(
            output.slice(from),
          );
          if (match !== null) {
            finish();
            resolve(match);
          } else if (exit !== null) {
            finish();
            reject(new Error(`${name} ended (${describeExit(exit)}) before ${pattern}:\n${tail(output)}`));
          }
        };
        const timer = setTimeout(() => {
          finish();
          reject(new Error(`${name}: no ${pattern} within ${deadlineMs} ms:\n${tail(output)}`));
        }, deadlineMs);
        listeners.add(look);
        look();
      });
    },
    writeLine(line) {
      child.stdin.write(`${line}\n`);
    },
    endInput() {
      child.stdin.end();
    },
    signal,
    async stop({ signal: wanted = 'SIGTERM', deadlineMs = 15_000 } = {}) {
      signal(wanted);
      // A stopped process acts on no signal but SIGKILL until it is continued.
      signal('SIGCONT');
      const late = new AbortController();
      const winner = await Promise.race([
        exited,
        sleep(deadlineMs, null, { signal: late.signal }).catch(() => null),
      ]);
      late.abort();
      return winner ?? (await kill());
    },
    kill,
  };
}

/** Runs a command to its end, and returns all it said. */
export async function runToEnd(
  command: string,
  args: readonly string[],
  options: ChildOptions & {
    readonly deadlineMs?: number;
    readonly launch?: Launch;
    readonly input?: string;
  } = {},
): Promise<Exit & { readonly stdout: string; readonly stderr: string }> {
  const { deadlineMs = 60_000, launch = startChild, input, ...childOptions } = options;
  const child = launch(command, args, childOptions);
  if (input !== undefined) {
    child.writeLine(input);
    child.endInput();
  }
  const timer = setTimeout(() => child.signal('SIGKILL'), deadlineMs);
  const exit = await child.exited;
  clearTimeout(timer);
  return { ...exit, stdout: child.stdout(), stderr: child.stderr() };
}

/** Waits until `check` holds, asking again every `everyMs`; returns the milliseconds that it took. */
export async function until(
  what: string,
  check: () => boolean | Promise<boolean>,
  { deadlineMs = 10_000, everyMs = 20 }: { deadlineMs?: number; everyMs?: number } = {},
): Promise<number> {
  const start = performance.now();
  for (;;) {
    if (await check()) return performance.now() - start;
    if (performance.now() - start > deadlineMs) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await sleep(everyMs);
  }
}

/** The kernel kills the child when this process ends in whatever way, `kill -9` included (Linux only). */
function boundToThisProcess(command: string, args: readonly string[]): [string, string[]] {
  if (process.platform !== 'linux' || !existsSync(SETPRIV)) return [command, [...args]];
  return [SETPRIV, ['--pdeathsig', 'KILL', '--', command, ...args]];
}

function killChildrenWithThisProcess(): void {
  if (watchesOwnExit) return;
  watchesOwnExit = true;
  process.on('exit', () => {
    for (const child of running.values()) child.kill('SIGKILL');
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    // not once: what comes through npm comes twice, and the second would cut the tidying up short
    process.on(signal, () => process.exit(1));
  }
}

function describeExit(exit: Exit): string {
  return exit.signal ?? `status ${exit.code}`;
}

function tail(text: string, lines = 30): string {
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}
