/** Every figure of a run as JSON, beside what machine it was. */
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Writes into `.cache/bench/`; @returns the path. */
export async function writeRaw(prefix: string, figures: object): Promise<string> {
  const folder = fileURLToPath(new URL('../../.cache/bench/', import.meta.url));
  await mkdir(folder, { recursive: true });
  const at = new Date().toISOString();
  const path = join(folder, `${prefix}${at.replaceAll(':', '-')}.json`);
  await writeFile(path, `${JSON.stringify({ at, machine: machine(), ...figures }, null, 2)}\n`);
  return path;
}

export interface Machine {
  readonly cpu: string | undefined;
  readonly cores: number;
  readonly kernel: string;
  readonly node: string;
}

/** This one. */
export function machine(): Machine {
  return { cpu: cpus()[0]?.model, cores: cpus().length, kernel: release(), node: process.version };
}
