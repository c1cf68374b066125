import { readFileSync } from 'node:fs';
import { App, StartError } from './app/app.ts';
import { growHeapsSlowly } from './base/give-back-memory.ts';
import { problemText } from './base/problem.ts';
import { runProgram } from './cli/program.ts';
import { loadAll } from './config/load-all.ts';
import { createLog } from './telemetry/log.ts';

/*
 * The edge to the operating system: arguments, environment, signals, exit. Nothing else uses `process`.
 */

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** Runs until it is told to stop. @returns the exit status */
async function serve(configFile: string): Promise<number> {
  growHeapsSlowly();
  const loaded = loadAll(configFile, process.env);
  if (!loaded.ok) {
    for (const problem of loaded.problems) console.error(problemText(problem));
    return 2;
  }
  const log = createLog(process.env['RPC_DNS_LOG_LEVEL'] ?? 'info');
  const signals = new Signals();
  let app: App;
  try {
    app = await App.start({
      loaded: loaded.value,
      variables: process.env,
      log,
      version,
      pid: process.pid,
      usage: () => {
        const { user, system } = process.cpuUsage();
        return { rssBytes: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6 };
      },
      onFatal: (error) => {
        log.fatal({ error: error.stack ?? error.message }, 'the query thread died');
        process.exit(1);
      },
    });
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    console.error(error.message);
    return 1;
  }
  return signals.direct(app);
}

/** Signals (contract 1.5), heard from the first moment on: one that comes while the server starts is not lost. */
class Signals {
  #app: App | undefined;
  #wanted: 'SIGTERM' | 'SIGINT' | undefined;
  #stopped: ((status: number) => void) | undefined;

  constructor() {
    // npm and a process group may both deliver SIGTERM: once is enough
    process.on('SIGTERM', () => {
      if (this.#wanted === undefined) this.#stop('SIGTERM');
    });
    process.on('SIGINT', () => {
      // one while a lame duck still answers, or a second one, ends it here and now
      if (this.#wanted !== undefined) process.exit(0);
      this.#stop('SIGINT');
    });
    process.on('SIGHUP', () => void this.#app?.reload('SIGHUP'));
  }

  /** @returns the exit status, when a signal has stopped the server */
  direct(app: App): Promise<number> {
    this.#app = app;
    return new Promise((resolve) => {
      this.#stopped = resolve;
      if (this.#wanted !== undefined) this.#stop(this.#wanted);
    });
  }

  #stop(signal: 'SIGTERM' | 'SIGINT'): void {
    this.#wanted = signal;
    void this.#app?.stop(signal === 'SIGINT' ? 0 : undefined).then(() => this.#stopped?.(0));
  }
}

process.exitCode = await runProgram(process.argv.slice(2), {
  version,
  variables: process.env,
  output: { out: (text) => console.log(text), err: (text) => console.error(text) },
  serve,
});
// handles that a library left open must not keep a finished command alive
process.exit();
