import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: ((options: object) => void) | undefined;

/**
 * Returns to the system what a large piece of work left over. V8 gives a heap that has grown back only when it collects
 * all of it, and a thread that is idle afterwards does not: without this a first snapshot of 10,000 Services would hold
 * twice the memory of what it says, for ever. Costs this thread some 100 ms for each 100 MB that live.
 */
export function giveBackMemory(): void {
  collect ??= collector();
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

function collector(): (options: object) => void {
  // of the whole process, and never taken back: another thread may be between this line and the next
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as (options: object) => void;
}

/** How much larger than what lived after the last collection a heap may become before the next one, in percent. */
const GROWTH_PERCENT = 30;

/**
 * Heaps of all threads grow by less before they are collected. V8 lets one that allocates quickly grow to several times what
 * lives: a first snapshot of 100,000 interfaces had a peak of twice what stays. No CPU time more was measured for it.
 */
export function growHeapsSlowly(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`);
}
