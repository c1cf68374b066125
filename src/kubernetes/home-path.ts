import { homedir } from 'node:os';

/** The path with `~/` for the home of the user, as the shell and kubectl's users write it. */
export function homePath(path: string): string {
  return path.replace(/^~(?=\/)/, homedir());
}
