/**
 * All tests: `npm test`. Says what it will install and build, does so, checks types and style, and runs every test file
 * one after another: several measure how long an answer takes.
 *
 *     node test/support/run.ts [--full]     --full: the volumes that issues name
 */
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { FULL_PARTS, provision, TEST_PARTS } from './provision.ts';

const isFull = process.argv.includes('--full');

function run(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<number> {
  return new Promise((resolve) => {
    spawn(command, args, { stdio: 'inherit', env }).once('exit', (code) => resolve(code ?? 1));
  });
}

console.error(
  `rpc-dns: all tests, ${isFull ? 'at full size' : 'small (npm run test:full has the full sizes)'}`,
);
const missing = await provision(isFull ? FULL_PARTS : TEST_PARTS);
if (missing.length > 0) console.error(`rpc-dns: tests that need ${missing.join(', ')} are left out`);

console.error('rpc-dns: types, style and structure (npm run check)');
const checked = await run('npm', ['run', '-s', 'check']);
if (checked !== 0) process.exit(checked);

const folders = `test/{unit,scripts,package,e2e,real${isFull ? ',full' : ''}}`;
const files = globSync(`${folders}/**/*.test.ts`).sort();
console.error(`rpc-dns: ${files.length} test files`);
const status = await run(
  process.execPath,
  [
    '--test',
    '--test-concurrency=1',
    `--test-timeout=${isFull ? 3_600_000 : 600_000}`,
    '--test-reporter=spec',
    ...files,
  ],
  { ...process.env, ...(isFull ? { RPC_DNS_TEST_SIZE: 'full' } : {}) },
);
process.exit(status);
