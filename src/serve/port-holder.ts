import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

/** What Node calls its first thread, and so /proc the process. */
const NODE_THREAD = 'MainThread';

export interface PortHolder {
  /** `coredns (pid 4711)` */
  readonly text: string;
  readonly pid: number;
  /** whether it is this process itself */
  readonly isSelf: boolean;
}

/**
 * Who holds a port, as far as Linux tells; another process before this one.
 *
 * @returns undefined elsewhere, and for processes of other users
 */
export function portHolder(port: number, proto: 'udp' | 'tcp'): PortHolder | undefined {
  try {
    const inodes = new Set([proto, `${proto}6`].flatMap((table) => inodesOf(table, port)));
    const own = readlinkSync('/proc/self');
    const holders = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && holdsOne(pid, inodes));
    const pid = holders.find((other) => other !== own) ?? holders[0];
    return pid === undefined
      ? undefined
      : { text: `${nameOf(pid)} (pid ${pid})`, pid: Number(pid), isSelf: pid === own };
  } catch {
    // no /proc
    return undefined;
  }
}

/** Of a Node program, what it runs: all of them have one name. */
function nameOf(pid: string): string {
  const name = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  if (name !== NODE_THREAD) return name;
  const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  const [program = name, ...rest] = words.filter((word) => word !== '' && !word.startsWith('-'));
  return [basename(program), ...rest.slice(0, 1).map((path) => basename(path)), ...rest.slice(1, 2)].join(
    ' ',
  );
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
