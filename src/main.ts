import { readFileSync } from 'node:fs';
import { App, StartError } from './app.ts';
import { runProgram } from './cli/program.ts';
import { loadAll } from './config/load-all.ts';
import { problemText } from './problem.ts';
import { createLog } from './telemetry/log.ts';

/*
 * The edge to the operating system: arguments, environment, signals, exit. Nothing else uses `process`.
 */

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** Runs until it is told to stop. @returns the exit status */
async function serve(configFile: string): Promise<number> {
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
        log.fatal({ error: error.stack ?? error.message }, 'the query thread died');
        process.exit(1);
      },
    });
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    console.error(error.message);
    return 1;
  }
  return new Promise((resolve) => {
    let stopping = false;
    process.on('SIGTERM', () => {
      // npm and a process group may both deliver it: once is enough
      if (stopping) return;
      stopping = true;
      void app.stop().then(() => resolve(0));
    });
    process.on('SIGINT', () => {
      // a second signal, or one while a lame duck still answers, ends it here and now
      if (stopping) process.exit(0);
      stopping = true;
      void app.stop(0).then(() => resolve(0));
    });
    process.on('SIGHUP', () => void app.reload('SIGHUP'));
  });
}

process.exitCode = await runProgram(process.argv.slice(2), {
  version,
  variables: process.env,
  output: { out: (text) => console.log(text), err: (text) => console.error(text) },
  serve,
});
// handles that a library left open must not keep a finished command alive
process.exit();
