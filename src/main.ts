import type { App } from './app/app.ts';

/*
 * The edge to the operating system: arguments, environment, signals, exit. Nothing else uses `process`.
 */

/** Signals (contract 1.5), heard from the first moment on: one that comes while the server starts is not lost. */
class Signals {
  #app: App | undefined;
  #isStopping = false;
  #isReloadWanted = false;
  #stopped: ((status: number) => void) | undefined;

  constructor() {
    // npm and a process group may both deliver SIGTERM: once is enough
    process.on('SIGTERM', () => {
      if (!this.#isStopping) this.#stop('SIGTERM');
    });
    process.on('SIGINT', () => {
      // one while a lame duck still answers, or a second one, ends it here and now
      if (this.#isStopping) process.exit(0);
      this.#stop('SIGINT');
    });
    process.on('SIGHUP', () => {
      if (this.#app === undefined) this.#isReloadWanted = true;
      else void this.#app.reload('SIGHUP');
    });
  }

  /** @returns the exit status, when a signal has stopped the server */
  direct(app: App): Promise<number> {
    this.#app = app;
    // what the start has read may be older than what the signal was sent for
    if (this.#isReloadWanted) void app.reload('SIGHUP');
    return new Promise((resolve) => {
      this.#stopped = resolve;
    });
  }

  #stop(signal: 'SIGTERM' | 'SIGINT'): void {
    // nothing is served yet, and what is recorded is recorded: a start may take long, and nobody waits for it
    if (this.#app === undefined) process.exit(0);
    this.#isStopping = true;
    void this.#app.stop(signal === 'SIGINT' ? 0 : undefined).then(() => this.#stopped?.(0));
  }
}

// before anything is loaded: most of a start's first half second goes there
const signals = process.argv[2] === 'serve' ? new Signals() : undefined;

const { readFileSync } = await import('node:fs');
const { runProgram } = await import('./cli/program.ts');

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** Runs until it is told to stop. @returns the exit status */
async function serve(configFile: string): Promise<number> {
  const { App, StartError } = await import('./app/app.ts');
  const { growHeapsSlowly } = await import('./base/give-back-memory.ts');
  const { problemText } = await import('./base/problem.ts');
  const { loadAll } = await import('./config/load-all.ts');
  const { createLog } = await import('./telemetry/log.ts');
  growHeapsSlowly();
  const loaded = loadAll(configFile, process.env);
  if (!loaded.ok) {
    for (const problem of loaded.problems) console.error(problemText(problem));
    return 2;
  }
  const log = createLog(process.env['RPC_DNS_LOG_LEVEL'] ?? 'info');
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
        log.fatal({ error: error.message }, 'query threads die again and again');
        process.exit(1);
      },
    });
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    console.error(error.message);
    return 1;
  }
  return (signals ?? new Signals()).direct(app);
}

process.exitCode = await runProgram(process.argv.slice(2), {
  version,
  variables: process.env,
  output: { out: (text) => console.log(text), err: (text) => console.error(text) },
  serve,
});
// handles that a library left open must not keep a finished command alive
process.exit();
