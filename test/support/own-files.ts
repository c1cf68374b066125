/** A command that sees files of its own where the machine has its: /etc/resolv.conf, say. Needs root. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempFolder } from './temp.ts';

let folder: string | undefined;
let count = 0;

/** The command to start instead; @param files contents by path, of files that exist on the machine */
export function withOwnFiles(
  files: Readonly<Record<string, string>>,
  command: string,
  args: readonly string[],
): readonly [string, readonly string[]] {
  folder ??= tempFolder('files');
  const mounts = Object.entries(files).map(([path, content]) => {
    const file = join(folder ?? '', `${++count}`);
    writeFileSync(file, content);
    return `{ [ ! -e ${path} ] || mount --bind '${file}' ${path}; }`;
  });
  // A running nscd would answer in place of the files.
  const hideNscd = '{ [ ! -d /run/nscd ] || mount -t tmpfs none /run/nscd; }';
  const script = [...mounts, hideNscd, 'exec "$@"'].join(' && ');
  return ['unshare', ['-m', 'sh', '-c', script, 'sh', command, ...args]];
}

/** The files by which a process resolves names over DNS alone. */
export function resolverFiles(resolvConf: string): Readonly<Record<string, string>> {
  return {
    '/etc/resolv.conf': resolvConf,
    // Else a machine whose names go through systemd's resolver would never read resolv.conf.
    '/etc/nsswitch.conf': 'hosts: files dns\n',
  };
}
