/** Signals while the server starts (contract 1.5): none kills it, and none is lost. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { startChild, until } from '../support/process.ts';
import { CONFIG_FILE, completeConfig, createSite, type Site } from '../support/server.ts';

const MAIN = resolve(import.meta.dirname, '../../src/main.ts');
const skip = process.platform === 'linux' ? false : '/proc tells when the process listens to signals';
const CONFIG = 'registries: [{ kind: file, path: interfaces.yaml }]\n';
const FILES = { 'interfaces.yaml': 'interfaces: [{ name: com.foo.A, port: 1 }]\n' };

function start(site: Site) {
  return startChild(process.execPath, [MAIN, 'serve', '-c', CONFIG_FILE], {
    name: 'rpc-dns',
    cwd: site.folder,
  });
}

/** Whether the process handles SIGHUP already: bit 0 of the mask (proc(5)). */
function hearsSignals(pid: number): boolean {
  const mask = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0';
  return (BigInt(`0x${mask}`) & 1n) === 1n;
}

const quickly = { everyMs: 2 };

/** Moments of a start, by what can be seen of it from outside. */
const MOMENTS: readonly (readonly [title: string, isThere: (pid: number, site: Site) => boolean])[] = [
  ['before anything is loaded', (pid) => hearsSignals(pid)],
  ['when the store is opened', (_pid, site) => existsSync(join(site.folder, 'data/rpc-dns.db'))],
];

for (const [title, isThere] of MOMENTS) {
  test(`SIGHUP ${title}: one reload when the start is over`, { skip }, async (t) => {
    const site = await createSite({ config: CONFIG, files: FILES });
    const child = start(site);
    t.after(() => child.kill());
    await until(title, () => isThere(child.pid, site), quickly);
    assert.doesNotMatch(child.output(), /"msg":"serving"/);
    for (let i = 0; i < 3; i++) child.signal('SIGHUP');
    site.write(CONFIG_FILE, completeConfig(`${CONFIG}answers: { ttl: 9 }\n`, site));
    await child.waitFor(/"reason":"SIGHUP".*"msg":"reloaded"/);
    assert.match(child.output(), /"msg":"serving".*"reason":"SIGHUP"/s);
    child.signal('SIGTERM');
    assert.deepEqual(await child.exited, { code: 0, signal: null });
    assert.equal(child.output().match(/"reason":"SIGHUP"/g)?.length, 1);
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`${signal} ${title} ends it with status 0`, { skip }, async (t) => {
      const site = await createSite({ config: CONFIG, files: FILES });
      const child = start(site);
      t.after(() => child.kill());
      await until(title, () => isThere(child.pid, site), quickly);
      child.signal(signal);
      assert.deepEqual(await child.exited, { code: 0, signal: null });
      assert.equal(child.stderr(), '');
    });
  }
}
