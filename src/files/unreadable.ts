/** Why a file cannot be read, for people. */
export function unreadable(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return 'no such file';
  if (code === 'EACCES') return 'no permission to read it';
  if (code === 'EISDIR') return 'is a folder: expected a file';
  return `cannot be read: ${(error as Error).message}`;
}
