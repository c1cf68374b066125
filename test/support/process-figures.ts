/** What the kernel says of a process: its CPU time and its memory, of all its threads together. */
import { readdirSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';

/** Linux counts in hundredths of a second, whatever the kernel's own tick. */
const TICK_MICROS = 10_000;

/** User and system time: fields 14 and 15 of proc(5)'s stat. */
export async function cpuMicros(pid: number): Promise<number> {
  const fields = statFields(await readFile(`/proc/${pid}/stat`, 'utf8'));
  return (Number(fields[11]) + Number(fields[12])) * TICK_MICROS;
}

/** The same of a process and of all that it started and that still run: some servers fork. */
export async function cpuMicrosOfAll(pid: number): Promise<number> {
  const all = await Promise.all(familyOf(pid).map(cpuMicros));
  return all.reduce((sum, micros) => sum + micros, 0);
}

/** Octets of memory of a process and of all that it started; of several, what they share counts once. */
export async function memoryOfAll(pid: number): Promise<number> {
  const family = familyOf(pid);
  if (family.length === 1) return (await memoryOf(pid)).residentBytes;
  const shares = await Promise.all(
    family.map(async (member) => {
      const text = await readFile(`/proc/${member}/smaps_rollup`, 'utf8');
      return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1]) * 1024;
    }),
  );
  return shares.reduce((sum, bytes) => sum + bytes, 0);
}

/** A process, and its descendants. */
function familyOf(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
    return readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8')
      .split(' ')
      .filter(Boolean)
      .map(Number);
  });
  return [pid, ...children.flatMap(familyOf)];
}

/** The fields from the third on, counted after the name, which may hold blanks and brackets. */
function statFields(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

export interface Memory {
  readonly residentBytes: number;
  /** the most that was ever resident, or since {@link forgetPeak} */
  readonly peakBytes: number;
}

export async function memoryOf(pid: number): Promise<Memory> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const bytes = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
  return { residentBytes: bytes('VmRSS'), peakBytes: bytes('VmHWM') };
}

/** The peak counts from now on. */
export function forgetPeak(pid: number): Promise<void> {
  return writeFile(`/proc/${pid}/clear_refs`, '5');
}

/** The share of a core that a process takes while something goes on. */
export async function cpuShare(pid: number, work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  const before = await cpuMicros(pid);
  await work();
  return ((await cpuMicros(pid)) - before) / 1_000 / (performance.now() - startedAt);
}

/**
 * How many cores have been busy since with what is neither this process nor one that it started: the noise of a machine
 * that is shared. Of the kernel's own work for our network traffic some is counted too.
 */
export function othersSince(): () => number {
  const startedAt = performance.now();
  const [busy, own] = [busyTicks(), ownTicks()];
  return () => {
    const micros = (busyTicks() - busy - (ownTicks() - own)) * TICK_MICROS;
    return Math.max(0, micros / 1_000 / (performance.now() - startedAt));
  };
}

/** Of the whole machine, all but idle and waiting for a disk. */
function busyTicks(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0] = readFileSync('/proc/stat', 'utf8')
    .split('\n', 1)
    .join()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return user + nice + system + irq + softIrq;
}

/** Of this process, its descendants, and those of them that have ended. */
function ownTicks(): number {
  const children = new Map<string, string[]>();
  const ticks = new Map<string, number>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    let fields: string[];
    try {
      fields = statFields(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    } catch {
      continue; // ended meanwhile
    }
    const [, parent = ''] = fields;
    children.set(parent, [...(children.get(parent) ?? []), pid]);
    ticks.set(
      pid,
      fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0),
    );
  }
  const sum = (pid: string): number =>
    (children.get(pid) ?? []).reduce((total, child) => total + sum(child), ticks.get(pid) ?? 0);
  return sum(String(process.pid));
}
