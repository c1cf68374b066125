/** Certificate authorities of a test's own, made with OpenSSL. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runToEnd } from './process.ts';
import { tempFolder } from './temp.ts';

export interface Certificate {
  readonly certificatePath: string;
  readonly keyPath: string;
  readonly certificate: string;
  readonly key: string;
}

export interface Authority extends Certificate {
  /** A server certificate; @param hosts names and addresses @param use `peer`: it is shown to other servers, too */
  issue(hosts: readonly string[], use?: 'server' | 'peer'): Promise<Certificate>;
  /** A certificate by which a client says who it is. */
  issueClient(commonName: string): Promise<Certificate>;
}

const CONFIG = `[req]
distinguished_name = subject
[subject]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = \${ENV::HOSTS}
[peer]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectAltName = \${ENV::HOSTS}
[client]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
`;

/** Makes an authority whose certificates are good for a month. */
export async function createAuthority(name = 'rpc-dns test'): Promise<Authority> {
  const folder = tempFolder('authority');
  const config = join(folder, 'openssl.cnf');
  writeFileSync(config, CONFIG);
  let count = 0;

  const make = async (file: string, commonName: string, args: readonly string[], hosts = 'DNS:none') => {
    const [certificatePath, keyPath] = [join(folder, `${file}.crt`), join(folder, `${file}.key`)];
    const { code, stderr } = await runToEnd(
      'openssl',
      [
        ...['req', '-config', config, '-x509', '-days', '30', '-subj', `/CN=${commonName}`],
        ...['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
        ...['-keyout', keyPath, '-out', certificatePath, ...args],
      ],
      { env: { HOSTS: hosts } },
    );
    if (code !== 0) throw new Error(`openssl: ${stderr}`);
    const text = (path: string): string => readFileSync(path, 'utf8');
    return { certificatePath, keyPath, certificate: text(certificatePath), key: text(keyPath) };
  };

  const own = await make('authority', name, ['-extensions', 'authority']);
  return {
    ...own,
    issueClient: (commonName) =>
      make(`client-${++count}`, commonName, [
        ...['-extensions', 'client', '-CA', own.certificatePath, '-CAkey', own.keyPath],
      ]),
    issue: (hosts, use = 'server') =>
      make(
        `server-${++count}`,
        hosts[0] ?? name,
        ['-extensions', use, '-CA', own.certificatePath, '-CAkey', own.keyPath],
        hosts.map((host) => `${/^[\d.]+$|:/.test(host) ? 'IP' : 'DNS'}:${host}`).join(','),
      ),
  };
}
