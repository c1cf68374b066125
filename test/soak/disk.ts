/** A small disk of the store's own that can be filled. Needs root. */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tempFolder } from '../support/temp.ts';

const MEGABYTES = 24;

export interface Disk {
  readonly folder: string;
  /** undefined: it cannot be filled */
  readonly fill: (() => void) | undefined;
  readonly free: () => void;
  readonly remove: () => void;
}

export function createDisk(): Disk {
  const folder = mkdtempSync(join(tmpdir(), 'rpc-dns-soak-disk-'));
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${MEGABYTES}m`, 'tmpfs', folder]);
  if (status !== 0) {
    rmdirSync(folder);
    return { folder: tempFolder('soak-store'), fill: undefined, free: () => {}, remove: () => {} };
  }
  const filler = join(folder, 'filler');
  let isMounted = true;
  const remove = (): void => {
    if (!isMounted) return;
    isMounted = false;
    spawnSync('umount', ['-l', folder]);
    rmdirSync(folder);
  };
  process.on('exit', remove);
  return {
    folder,
    fill: () => {
      const file = openSync(filler, 'w');
      // the last octets too
      for (const size of [1 << 20, 4096, 1]) {
        const octets = Buffer.alloc(size);
        try {
          for (;;) writeSync(file, octets);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        }
      }
      closeSync(file);
    },
    free: () => rmSync(filler, { force: true }),
    remove,
  };
}
