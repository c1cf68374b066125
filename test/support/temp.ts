/** Temporary folders that go when the test process ends. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folders: string[] = [];

/** Makes a folder `rpc-dns-WHAT-…` that is deleted, with all in it, when this process ends. */
export function tempFolder(what: string, parent = tmpdir()): string {
  if (folders.length === 0) {
    process.on('exit', () => {
      for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    });
  }
  const folder = mkdtempSync(join(parent, `rpc-dns-${what}-`));
  folders.push(folder);
  return folder;
}
