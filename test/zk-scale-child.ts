import { createZooKeeperWatcher } from '../src/registry/zookeeper/watcher.ts';
import { ZOOKEEPER_DEFAULTS } from '../src/registry/zookeeper/options.ts';
const n = Number(process.argv[3]);
const t0 = performance.now(); const c0 = process.cpuUsage();
let updates = 0;
globalThis.gc?.();
const rss0 = process.memoryUsage().heapUsed;
const w = createZooKeeperWatcher({ ...ZOOKEEPER_DEFAULTS, servers: process.argv[2], relistMs: 20_000 }, {
  replace: (u) => { const c = process.cpuUsage(c0); console.log('snapshot', u.size, Math.round(performance.now()-t0), 'ms cpu', Math.round((c.user+c.system)/1000), 'rss', process.memoryUsage().rss>>20);
     setTimeout(() => { globalThis.gc?.(); console.log('heap of watcher alone', (process.memoryUsage().heapUsed-rss0)>>20, 'MB', 'rss', process.memoryUsage().rss >> 20); cpu = process.cpuUsage(); at=performance.now(); }, 3000); },
  update: () => { updates++; }, state: (s) => console.log(s), skipped: console.log });
let cpu = process.cpuUsage(); let at = 0;
w.start();
setInterval(() => { if (at) { const c = process.cpuUsage(cpu); console.log('t', Math.round(performance.now()-at), 'cpu', Math.round((c.user+c.system)/1000), 'updates', updates, JSON.stringify(w.counters), 'rss', process.memoryUsage().rss>>20); } }, 5000);
setTimeout(async () => { await w.stop(); process.exit(); }, Number(process.argv[4]));
