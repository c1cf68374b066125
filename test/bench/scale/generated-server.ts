/** rpc-dns with one kind of registry more: `node test/bench/scale/generated-server.ts serve -c FILE`. */
import { App } from '../../../src/app/app.ts';
import { growHeapsSlowly } from '../../../src/base/give-back-memory.ts';
import { problemText } from '../../../src/base/problem.ts';
import { loadAll } from '../../../src/config/load-all.ts';
import { KINDS } from '../../../src/registry/kinds.ts';
import { createLog } from '../../../src/telemetry/log.ts';
import { generatedKind } from './generated-registry.ts';

growHeapsSlowly();
const kinds = [...KINDS, generatedKind];
const loaded = loadAll(process.argv.at(-1) ?? '', process.env, kinds);
if (!loaded.ok) throw new Error(loaded.problems.map(problemText).join('\n'));
const app = await App.start({
  loaded: loaded.value,
  variables: process.env,
  log: createLog('info'),
  version: 'bench',
  pid: process.pid,
  usage: () => ({ rssBytes: process.memoryUsage.rss(), cpuSeconds: 0 }),
  onFatal: (error) => {
    throw error;
  },
  kinds,
});
process.on('SIGTERM', () => void app.stop().then(() => process.exit(0)));
