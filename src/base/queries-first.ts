import { readdirSync, readFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { platform } from 'node:process';

/** Of a core that both want, a thread of this niceness gets a tenth. */
const NICE = 10;
/** What Node calls the threads that collect garbage for all others. */
const COLLECTORS = 'V8Worker';

/**
 * This thread, those that it starts from now on, and those that collect garbage let others go first: a query must not wait
 * for a core on which a registry is being read. Linux alone gives threads priorities of their own (setpriority(2), "C
 * library/kernel differences"); elsewhere nothing happens.
 *
 * @param pid of the process, which is the number of its first thread, too
 */
export function letQueriesGoFirst(pid: number): void {
  if (platform !== 'linux') return;
  try {
    setPriority(pid, NICE);
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const name = readFileSync(`/proc/${pid}/task/${thread}/comm`, 'utf8');
      if (name.startsWith(COLLECTORS)) setPriority(Number(thread), NICE);
    }
  } catch {
    // not allowed here, or no /proc: all threads are equal then
  }
}

/** @returns the niceness of this thread */
export function ownNiceness(): number {
  return getPriority();
}

/**
 * For a thread that was started later, and yields as this one's starter does since {@link letQueriesGoFirst}. Takes root or
 * CAP_SYS_NICE: without, a thread that takes the place of one that died yields as all others do.
 */
export function goFirst(niceness: number): void {
  if (platform !== 'linux') return;
  try {
    // of 0 the system makes the thread that asks
    setPriority(0, niceness);
  } catch {
    // not allowed here
  }
}
