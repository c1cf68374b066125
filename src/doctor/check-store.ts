import {
  accessSync,
  constants,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statfsSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Check, finding, good, type Seen, type Surroundings, warning } from './surroundings.ts';

/** Below so much nothing more can be relied on to be recorded … */
const LEAST_BYTES = 4 * 2 ** 20;
/** … and below so much it will soon be so. */
const LOW_BYTES = 64 * 2 ** 20;

/** Whether what has to survive can be written: folder, file, room, and who else has it open. */
export const checkStore: Check = {
  title: 'store',
  async look(surroundings) {
    const { store } = surroundings.config;
    const said = saidOf(surroundings);
    if (store.kind === 'memory') {
      return [
        ...said,
        warning(
          'memory: VIPs end with the process',
          'for more than a trial: store: { kind: sqlite, path: … }',
        ),
      ];
    }
    if (store.kind === 'kubernetes') {
      return said.length > 0
        ? said
        : [good('kubernetes: the server has no complaint; see registries for the API')];
    }
    const seen = lookAtFile(store.path, surroundings);
    return [...said, ...seen];
  },
};

/** What the running server says of it. */
function saidOf({ server }: Surroundings): readonly Seen[] {
  if (!server.ok || server.value.storeError === null) return [];
  return [
    finding(
      `the server cannot record: ${server.value.storeError}`,
      'known names are answered; new interfaces get no VIP until this is mended, and then get one by themselves',
    ),
  ];
}

function lookAtFile(path: string, surroundings: Surroundings): readonly Seen[] {
  const folder = existingFolder(path);
  const problems: Seen[] = [];
  for (const file of [path, `${path}-wal`, folder].filter((one) => existsSync(one))) {
    const reason = whyNotWritable(file);
    if (reason !== undefined) problems.push(finding(`${file} ${reason.text}`, reason.remedy));
  }
  if (surroundings.server.ok && !existsSync(path)) {
    problems.push(
      finding(
        `${path} is gone while the server runs`,
        'what it records is lost with it: start it anew, so that it makes a new file, and see who deletes it',
      ),
    );
  }
  const room = roomOf(folder);
  if (room.problem !== undefined) problems.push(room.problem);
  const { pid } = surroundings;
  const others = holdersOf(path).filter((holder) => holder.pid !== pid);
  if (pid !== undefined && others.length > 0) {
    const names = others.map((other) => `${other.name} (pid ${other.pid})`).join(', ');
    problems.push(
      warning(
        `${path} is open in ${names} as well`,
        'one server needs it for itself: give each rpc-dns a store of its own; end what reads it, as it may hold up writing',
      ),
    );
  }
  if (problems.length > 0) return problems;
  return [good(`${path} can be written, ${room.text} free`)];
}

function existingFolder(path: string): string {
  let folder = dirname(resolve(path));
  while (!existsSync(folder)) folder = dirname(folder);
  return folder;
}

function whyNotWritable(file: string): { text: string; remedy: string } | undefined {
  try {
    accessSync(file, constants.W_OK);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EROFS') {
      return {
        text: 'lies on a file system that is mounted read-only',
        remedy:
          'mount it for writing (a disk in trouble is remounted read-only: see dmesg), or set store.path elsewhere',
      };
    }
    return {
      text: `cannot be written (${code})`,
      remedy: 'give it to the user that rpc-dns runs as, or run doctor as that user',
    };
  }
}

function roomOf(folder: string): { text: string; problem: Seen | undefined } {
  const { bavail, bsize, files, ffree } = statfsSync(folder);
  const free = bavail * bsize;
  const text = sizeText(free);
  const remedy =
    'make room: names that are known are answered, but no new interface gets a VIP on a full disk';
  if (files > 0 && ffree === 0) return { text, problem: finding(`${folder} has no inode left`, remedy) };
  if (free < LEAST_BYTES)
    return { text, problem: finding(`the disk of ${folder} is full: ${text} free`, remedy) };
  if (free < LOW_BYTES)
    return { text, problem: warning(`the disk of ${folder} is nearly full: ${text} free`, remedy) };
  return { text, problem: undefined };
}

function sizeText(bytes: number): string {
  if (bytes < 2 ** 20) return `${Math.floor(bytes / 1024)} kB`;
  return bytes < 2 ** 30 ? `${Math.floor(bytes / 2 ** 20)} MB` : `${Math.floor(bytes / 2 ** 30)} GB`;
}

/** Processes that have a file open, as far as Linux tells us. */
function holdersOf(path: string): { readonly pid: number; readonly name: string }[] {
  try {
    const real = realpathSync(path);
    return readdirSync('/proc')
      .filter((pid) => /^\d+$/.test(pid) && hasOpen(pid, real))
      .map((pid) => ({ pid: Number(pid), name: readFileSync(`/proc/${pid}/comm`, 'utf8').trim() }));
  } catch {
    // no such file, or no /proc
    return [];
  }
}

function hasOpen(pid: string, path: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => linkOf(`/proc/${pid}/fd/${fd}`) === path);
  } catch {
    // another user's, or gone meanwhile
    return false;
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
