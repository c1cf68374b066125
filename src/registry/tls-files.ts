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

/** Which of the files that a configuration names cannot be used. */
export function unusableFiles(
  named: readonly (readonly [key: string, file: string | undefined])[],
  tls: TlsFiles | undefined,
): ConfigProblem[] {
  const all: readonly (readonly [key: string, file: string | undefined, holds?: string])[] = [
    ...named,
    ['tls', tls?.ca, 'CERTIFICATE'],
    ['tls', tls?.certificate, 'CERTIFICATE'],
    ['tls', tls?.key, 'PRIVATE KEY'],
  ];
  const problems = all.flatMap(([key, file, holds]) => {
    try {
      if (file === undefined) return [];
      const text = readNamed(file);
      // OpenSSL passes over what is no PEM, and says later that nothing is trusted
      if (holds === undefined || new RegExp(`^-----BEGIN (?:\\w+ )*${holds}-----`, 'm').test(text)) return [];
      return [{ key, text: `${file}: expected a ${holds.toLowerCase()} as PEM, '-----BEGIN …'` }];
    } catch (error) {
      return [{ key, text: (error as Error).message }];
    }
  });
  const { certificate, key } = tls ?? {};
  if ((certificate === undefined) === (key === undefined)) return problems;
  const [there, missing] = key === undefined ? ['certificate', 'key'] : ['key', 'certificate'];
  return [{ key: 'tls', text: `${there} without ${missing}: expected both or none` }, ...problems];
}

/** A user without a password, or the other way round. */
export function userProblems({
  username,
  passwordFile,
}: {
  readonly username?: string | undefined;
  readonly passwordFile?: string | undefined;
}): ConfigProblem[] {
  if ((username === undefined) === (passwordFile === undefined)) return [];
  return username === undefined
    ? [{ key: 'passwordFile', text: "'username' is missing: whose password it is" }]
    : [{ key: 'username', text: "'passwordFile' is missing: a file that holds the user's password" }];
}
