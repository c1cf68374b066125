import { startZooKeeper } from './support/zookeeper.ts';
import { connectZkTool, dubboProviderPath } from './support/zk-tool.ts';
import { startChild } from './support/process.ts';
const n = Number(process.argv[2]);
const zk = await startZooKeeper({ heapMegabytes: 2048 });
const tool = await connectZkTool(zk.address, {sessionTimeoutMs: 10000});
let t = performance.now();
const B = 500;
for (let i = 0; i < n; i += B) await Promise.all(Array.from({length: B}, async (_, k) => { const name = `com.bulk.pack${(i+k)%97}.Service${i+k}`;
  await tool.create(dubboProviderPath({interface: name, host: '10.0.0.1', port: 20880, version: '1.0.0'}));
  await tool.create(dubboProviderPath({interface: name, host: '10.0.0.2', port: 20880, version: '1.0.0'}));
  await tool.create(dubboProviderPath({interface: name, host: '10.0.0.3', port: 20880, version: '1.0.0'})); }));
console.log('created', Math.round(performance.now()-t));
const child = startChild(process.execPath, ['--expose-gc', '--cpu-prof', '--cpu-prof-dir=/tmp/prof', 'test/zk-scale-child.ts', zk.address, String(n), '5000']);
await child.waitFor(/heap of/, {deadlineMs: 60000});
const t1 = performance.now(); let i = 0;
while (performance.now() - t1 < 10_000) { // 1000 changes a second
  const want = Math.floor((performance.now() - t1));
  const jobs = []; for (; i < want; i++) { const k = (i*7919) % n; const name = `com.bulk.pack${k%97}.Service${k}`; jobs.push(tool.create(dubboProviderPath({interface: name, host: `10.1.${i%250}.${(i>>8)%250+1}`, port: 20880, version: '1.0.0'}))); }
  await Promise.all(jobs); await new Promise((r) => setTimeout(r, 5));
}
console.log('changes', i);
await child.exited; console.log(child.output());
await tool.close(); await zk.remove();
