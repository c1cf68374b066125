import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

/**
 * Who holds a port, as far as Linux tells: `coredns (pid 4711)`.
 *
 * @returns undefined elsewhere, and for processes of other users
 */
export function portHolder(port: number, proto: 'udp' | 'tcp'): string | undefined {
  const pid = portHolderPid(port, proto);
  return pid === undefined ? undefined : `${commandOf(pid)} (pid ${pid})`;
}

/** The same as a number. */
export function portHolderPid(port: number, proto: 'udp' | 'tcp'): number | undefined {
  try {
    const inodes = new Set([proto, `${proto}6`].flatMap((table) => inodesOf(table, port)));
    for (const pid of readdirSync('/proc')) {
      if (/^\d+$/.test(pid) && holdsOne(pid, inodes)) return Number(pid);
    }
  } catch {
    // no /proc
  }
  return undefined;
}

/** What Node calls its first thread, whatever it runs. */
const NODE_THREAD = 'MainThread';

function commandOf(pid: number): string {
  try {
    const name = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
    if (name !== NODE_THREAD) return name;
    const script = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(1);
    return `node ${basename(script.find((word) => !word.startsWith('-')) ?? '')}`.trim();
  } catch {
    // gone meanwhile
    return 'a process';
  }
}

/** proc(5): the second column is ADDRESS:PORT in hex, the tenth the socket's inode. */
function inodesOf(table: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return readFileSync(`/proc/net/${table}`, 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns[1]?.endsWith(suffix) === true)
    .flatMap((columns) => columns[9] ?? []);
}

function holdsOne(pid: string, inodes: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      const match = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`));
      return match?.[1] !== undefined && inodes.has(match[1]);
    });
  } catch {
    // another user's, or gone meanwhile
    return false;
  }
}
