import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { unreadable } from '../files/unreadable.ts';
import type { ConfigProblem } from './registry-kind.ts';

/** PEM files; default: the system's authorities, and no certificate of our own. */
export interface TlsFiles {
  readonly ca?: string | undefined;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
}

const path = z.string().min(1).optional();

/** The key `tls` of registries that are reached over TLS. */
export const tlsKey = { tls: z.strictObject({ ca: path, certificate: path, key: path }).optional() };

/** As Node's TLS wants them; read anew for each connection, as certificates are renewed while we run. Throws when it cannot. */
export function readTlsFiles(tls: TlsFiles | undefined): { ca?: string; cert?: string; key?: string } {
  return {
    ...(tls?.ca === undefined ? {} : { ca: readNamed(tls.ca) }),
    ...(tls?.certificate === undefined ? {} : { cert: readNamed(tls.certificate) }),
    ...(tls?.key === undefined ? {} : { key: readNamed(tls.key) }),
  };
}

/** A file that the configuration names. Throws an error whose message names it. */
export function readNamed(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`${file}: ${unreadable(error)}`);
  }
}

/** Which of the files that a configuration names cannot be read. */
export function unreadableFiles(
  named: readonly (readonly [key: string, file: string | undefined])[],
  tls: TlsFiles | undefined,
): ConfigProblem[] {
  const all = [...named, ['tls', tls?.ca], ['tls', tls?.certificate], ['tls', tls?.key]] as const;
  return all.flatMap(([key, file]) => {
    try {
      if (file !== undefined) readNamed(file);
      return [];
    } catch (error) {
      return [{ key, text: (error as Error).message }];
    }
  });
}
