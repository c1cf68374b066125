/** A real Kubernetes API server of a test's own, on Debian's etcd. No controllers run: tests write what those would. */
import { createPublicKey, generateKeyPairSync, sign, X509Certificate } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after } from 'node:test';
import { connect } from 'node:tls';
import { type Authority, createAuthority } from './certificates.ts';
import { type Etcd, startEtcd } from './etcd.ts';
import { KubeClient } from './kube-client.ts';
import { pathOf, type Resource } from './kube-objects.ts';
import {
  type Entry,
  folderOf,
  type PlantedIdentity,
  type PlantedPod,
  type PlantedService,
  type PlantedSlice,
  podEntry,
  serviceEntries,
  sliceEntry,
} from './plant.ts';
import { freePort } from './ports.ts';
import { type Child, type Exit, runToEnd, startChild, until } from './process.ts';
import { kubernetesPath } from './provision.ts';
import type { Cleanup } from './server.ts';
import { tempFolder } from './temp.ts';

/** A token that the API server knows from its start. */
export interface StaticToken {
  readonly token: string;
  readonly user: string;
  readonly groups?: readonly string[];
}

export interface ClusterOptions {
  /** ClusterIPs of both families: 10.96.0.0/16 and fd00:10:96::/112; default: the former alone. */
  readonly dualStack?: boolean;
  /** Besides the administrator's. */
  readonly tokens?: readonly StaticToken[];
  /** Default true, as in any cluster. Without it a compaction of etcd is all it takes for a 410, but there are no bookmarks. */
  readonly watchCache?: boolean;
  /** More flags of kube-apiserver. */
  readonly flags?: readonly string[];
}

export interface KubeconfigOptions {
  /** Default: the administrator's. */
  readonly token?: string;
  /** The client reads its token from this file, again and again. */
  readonly tokenFile?: string;
  /** Default: the API server itself. */
  readonly port?: number;
  /** Whom the client trusts; default: the API server's authority of now. */
  readonly authority?: Authority;
  readonly namespace?: string;
}

export interface KubectlResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const ADMIN = 'admin-token';
const ISSUER = 'https://kubernetes.default.svc';
const HOSTS = ['127.0.0.1', 'localhost', 'kubernetes.default.svc', 'kubernetes'];
/** What an API server grants to clocks that differ. */
const LEEWAY_SECONDS = 60;

/** Starts etcd and kube-apiserver; both go when the test is over, and if it failed their last words are printed. */
export async function startCluster(
  test: Cleanup & { readonly passed?: boolean },
  options: ClusterOptions = {},
): Promise<Cluster> {
  const trust = { authority: await createAuthority() };
  const cluster = new Cluster(await freePort(), trust, options);
  test.after(async () => {
    if (test.passed === false) console.error(`kube-apiserver:\n${tail(cluster.log)}`);
    await cluster.close();
  });
  await cluster.start();
  return cluster;
}

/**
 * One cluster for all tests of a file, to be called at its top: it starts when the first test asks for it, and goes
 * after the last.
 *
 *     const cluster = sharedCluster();
 *     test('…', async () => { const kube = await cluster(); … });
 */
export function sharedCluster(options: ClusterOptions = {}): () => Promise<Cluster> {
  const cleanups: (() => unknown)[] = [];
  after(async () => {
    for (const clean of cleanups.reverse()) await clean();
  });
  let started: Promise<Cluster> | undefined;
  return () => {
    started ??= startCluster({ after: (clean) => cleanups.push(clean) }, options);
    return started;
  };
}

/** As a client it is the administrator. */
export class Cluster extends KubeClient {
  readonly adminToken = ADMIN;
  readonly folder = tempFolder('cluster');
  readonly url: string;
  /** The authority of now, which its clients ask for again and again. */
  readonly #trust: { authority: Authority };
  readonly #options: ClusterOptions;
  readonly #signingKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  #tokens: readonly StaticToken[];
  #etcd: Etcd | null = null;
  #server: Child | null = null;
  #files = 0;

  constructor(port: number, trust: { authority: Authority }, options: ClusterOptions) {
    super({ port, token: ADMIN, ca: () => trust.authority.certificate });
    this.url = `https://127.0.0.1:${port}`;
    this.#trust = trust;
    this.#options = options;
    this.#tokens = options.tokens ?? [];
  }

  get pid(): number {
    return this.#running().pid;
  }

  /** The API server's log since its last start. */
  get log(): string {
    return this.#server?.output() ?? '';
  }

  get etcdLog(): string {
    return this.#etcd?.log() ?? '';
  }

  /** Who vouches for the API server's certificate. */
  get authority(): Authority {
    return this.#trust.authority;
  }

  /** A client of the same API server that is somebody else, or that goes through a proxy. */
  client({ token = ADMIN, port = this.port }: { readonly token?: string; readonly port?: number } = {}) {
    return new KubeClient({ port, token, ca: () => this.#trust.authority.certificate });
  }

  /** Starts the API server, again on the same port and data when it was stopped; resolves when it is ready. */
  async start(): Promise<void> {
    if (this.#server?.running === true) throw new Error('kube-apiserver runs already');
    if (this.#etcd === null) await this.#prepare();
    this.#etcd ??= await startEtcd();
    this.#writeTokens();
    const flags = this.#flags(this.#etcd);
    const server = startChild(kubernetesPath('kube-apiserver'), flags, { name: 'kube-apiserver' });
    this.#server = server;
    const deadlineMs = 60_000;
    await until(`kube-apiserver is ready on ${this.url}`, () => this.#isReady(server), { deadlineMs }).catch(
      (error: Error) => {
        throw new Error(`${error.message}\n${tail(this.etcdLog)}\n${tail(server.output())}`);
      },
    );
  }

  /** SIGTERM to the API server; etcd goes on. */
  async stop(): Promise<Exit> {
    const exit = await this.#running().stop();
    this.disconnect();
    return exit;
  }

  /** `kill -9` of the API server. */
  async kill(): Promise<Exit> {
    const exit = await this.#running().kill();
    this.disconnect();
    return exit;
  }

  /** SIGSTOP: connections stay open and nobody answers. */
  pause(): void {
    this.#running().signal('SIGSTOP');
  }

  resume(): void {
    this.#running().signal('SIGCONT');
  }

  /**
   * Deletes etcd's history. An API server with a watch cache still remembers what it saw itself; a client that goes on
   * from an old resourceVersion gets 410 from `forgetHistory`.
   */
  async compact(): Promise<void> {
    await this.#store().compact();
  }

  /** 10,000 Services in a few seconds; see `plant.ts`. */
  async plantServices(
    namespace: string,
    services: readonly PlantedService[],
  ): Promise<readonly PlantedIdentity[]> {
    const taken = (await this.list('ipaddresses')).map(({ metadata }) => metadata.name);
    const entries = serviceEntries(namespace, services, taken);
    await this.#plant('ipaddresses', null, entries.addresses);
    await this.#plant('services', namespace, entries.services);
    return entries.created;
  }

  plantPods(namespace: string, pods: readonly PlantedPod[]): Promise<void> {
    const entries = pods.map((pod) => podEntry(namespace, pod));
    return this.#plant('pods', namespace, entries);
  }

  plantSlices(namespace: string, slices: readonly PlantedSlice[]): Promise<void> {
    const entries = slices.map((slice) => sliceEntry(namespace, slice));
    return this.#plant('endpointslices', namespace, entries);
  }

  /** Deletes all of a namespace at once, in one revision of etcd: 10,000 Services in two seconds. */
  async uproot(resource: 'services' | 'pods' | 'endpointslices', namespace: string): Promise<void> {
    const revision = await this.#store().removeAll(folderOf(resource, namespace));
    await this.#seen(resource, namespace, revision);
    // one revision holds all deletions, and the API server takes them in one by one
    await until(`no ${resource}`, async () => (await this.list(resource, namespace)).length === 0);
  }

  /** Compacts etcd and starts the API server anew: every older resourceVersion is gone. */
  async forgetHistory(): Promise<void> {
    await this.stop();
    await this.compact();
    await this.start();
  }

  /**
   * A new certificate, of the same authority or another; connections that are open stay. Resolves when a new connection
   * gets it, at once when the API server is stopped.
   */
  async changeCertificate(authority: Authority = this.#trust.authority): Promise<void> {
    this.#trust.authority = authority;
    const { certificate, key } = await authority.issue(HOSTS);
    writeFileSync(this.#file('server.key'), key, { mode: 0o600 });
    writeFileSync(this.#file('server.crt'), certificate);
    this.disconnect();
    if (this.#server?.running !== true) return;
    const wanted = new X509Certificate(certificate).fingerprint256;
    const isServed = async (): Promise<boolean> => (await fingerprint(this.port)) === wanted;
    await until('the new certificate is served', isServed);
  }

  /** The static tokens from the next start of the API server on, besides the administrator's. */
  setTokens(tokens: readonly StaticToken[]): void {
    this.#tokens = tokens;
  }

  /**
   * A token of a ServiceAccount that the API server stops to accept after so many seconds, and up to ten more for which
   * it remembers having accepted it. The TokenRequest API grants none under ten minutes, so this one is signed with the
   * API server's key; as the server grants a minute to clocks that differ, its `exp` is already past.
   */
  async createShortToken(namespace: string, account: string, seconds: number): Promise<string> {
    const { metadata } = await this.get('serviceaccounts', namespace, account);
    const now = Math.floor(Date.now() / 1_000);
    const claims = {
      iss: ISSUER,
      aud: [ISSUER],
      sub: `system:serviceaccount:${namespace}:${account}`,
      iat: now - 2 * LEEWAY_SECONDS,
      nbf: now - 2 * LEEWAY_SECONDS,
      exp: now + seconds - LEEWAY_SECONDS,
      'kubernetes.io': { namespace, serviceaccount: { name: account, uid: metadata.uid } },
    };
    const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const text = `${part({ alg: 'ES256' })}.${part(claims)}`;
    const signature = sign('sha256', Buffer.from(text), { key: this.#signingKey, dsaEncoding: 'ieee-p1363' });
    return `${text}.${signature.toString('base64url')}`;
  }

  /** Writes a kubeconfig; @returns its path */
  kubeconfig(path = this.#file(`kubeconfig-${++this.#files}`), options: KubeconfigOptions = {}): string {
    const { token = ADMIN, tokenFile, port = this.port, authority = this.#trust.authority } = options;
    const { namespace = 'default' } = options;
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'test',
      clusters: [
        {
          name: 'test',
          cluster: {
            server: `https://127.0.0.1:${port}`,
            'certificate-authority-data': Buffer.from(authority.certificate).toString('base64'),
          },
        },
      ],
      users: [{ name: 'test', user: tokenFile === undefined ? { token } : { tokenFile } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', namespace } }],
    };
    // JSON is YAML too.
    writeFileSync(path, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
    return path;
  }

  /** Runs kubectl as the administrator; @param input for `-f -` */
  async kubectl(args: readonly string[], input?: string): Promise<KubectlResult> {
    const kubeconfig = this.kubeconfig(this.#file('kubectl.kubeconfig'));
    const { code, stdout, stderr } = await runToEnd(
      kubernetesPath('kubectl'),
      ['--kubeconfig', kubeconfig, '--cache-dir', this.#file('kubectl-cache'), ...args],
      { name: 'kubectl', env: { KUBECONFIG: undefined }, ...(input === undefined ? {} : { input }) },
    );
    return { code, stdout, stderr };
  }

  /** Kills both servers and deletes all they wrote. */
  async close(): Promise<void> {
    this.disconnect();
    await Promise.all([this.#server?.kill(), this.#etcd?.discard()]);
    await rm(this.folder, { recursive: true, force: true });
  }
  async #prepare(): Promise<void> {
    mkdirSync(this.#file('certificates'));
    const key = this.#signingKey;
    const privateKey = key.export({ type: 'pkcs8', format: 'pem' });
    const publicKey = createPublicKey(key).export({ type: 'spki', format: 'pem' });
    writeFileSync(this.#file('service-account.key'), privateKey, { mode: 0o600 });
    writeFileSync(this.#file('service-account.pub'), publicKey);
    await this.changeCertificate();
  }

  /** Waits for the API server after each step: what it has not seen yet, it would repair. */
  async #plant(resource: Resource, namespace: string | null, entries: readonly Entry[]): Promise<void> {
    const step = 128;
    for (let from = 0; from < entries.length; from += step) {
      const revision = await this.#store().put(entries.slice(from, from + step));
      await this.#seen(resource, namespace, revision);
    }
  }

  /** Resolves when the API server has seen a revision of etcd. */
  async #seen(resource: Resource, namespace: string | null, revision: string): Promise<void> {
    const query = `limit=1&resourceVersion=${revision}&resourceVersionMatch=NotOlderThan`;
    const path = `${pathOf(resource, namespace)}?${query}`;
    // After three seconds it says 504.
    const isSeen = async (): Promise<boolean> => (await this.api('GET', path)).status === 200;
    await until(`kube-apiserver has seen ${resource} ${revision}`, isSeen, { deadlineMs: 60_000 });
  }

  #writeTokens(): void {
    const admin = { token: ADMIN, user: 'admin', groups: ['system:masters'] };
    const lines = [admin, ...this.#tokens].map(
      ({ token, user, groups = [] }) => `${token},${user},${user},"${groups.join(',')}"\n`,
    );
    writeFileSync(this.#file('tokens.csv'), lines.join(''), { mode: 0o600 });
  }

  #flags(etcd: Etcd): readonly string[] {
    const { dualStack = false, watchCache = true, flags = [] } = this.#options;
    return [
      `--etcd-servers=${etcd.url}`,
      // Only tests compact.
      '--etcd-compaction-interval=0',
      '--bind-address=127.0.0.1',
      `--secure-port=${this.port}`,
      // The endpoint of the Service `kubernetes`; loopback is refused, and the machine's own would differ.
      '--advertise-address=192.0.2.1',
      `--service-cluster-ip-range=10.96.0.0/16${dualStack ? ',fd00:10:96::/112' : ''}`,
      `--tls-cert-file=${this.#file('server.crt')}`,
      `--tls-private-key-file=${this.#file('server.key')}`,
      `--cert-dir=${this.#file('certificates')}`,
      `--token-auth-file=${this.#file('tokens.csv')}`,
      `--service-account-key-file=${this.#file('service-account.pub')}`,
      `--service-account-signing-key-file=${this.#file('service-account.key')}`,
      `--service-account-issuer=${ISSUER}`,
      `--api-audiences=${ISSUER}`,
      '--service-account-extend-token-expiration=false',
      '--authorization-mode=RBAC',
      // Else a pod would need the ServiceAccount that a controller makes in each namespace.
      '--disable-admission-plugins=ServiceAccount',
      `--watch-cache=${watchCache}`,
      // Else it ends only when the clients have ended their watches.
      '--shutdown-watch-termination-grace-period=1s',
      ...flags,
    ];
  }

  async #isReady(server: Child): Promise<boolean> {
    if (!server.running) throw new Error('kube-apiserver ended at its start');
    const { status } = await this.api('GET', '/readyz', undefined, { deadlineMs: 2_000 }).catch(() => ({
      status: 0,
    }));
    if (status !== 200) return false;
    // What the API server makes in the background: the range of ClusterIPs, and its own Service with its endpoint.
    const ranges = await this.api('GET', pathOf('servicecidrs', null, 'kubernetes'));
    if (!JSON.stringify(ranges.body).includes('"type":"Ready","status":"True"')) return false;
    for (const resource of ['services', 'endpointslices'] as const) {
      if ((await this.api('GET', pathOf(resource, 'default', 'kubernetes'))).status !== 200) return false;
    }
    return true;
  }

  #file(name: string): string {
    return join(this.folder, name);
  }

  #store(): Etcd {
    if (this.#etcd === null) throw new Error('etcd is not running');
    return this.#etcd;
  }

  #running(): Child {
    if (this.#server?.running !== true) throw new Error('kube-apiserver is not running');
    return this.#server;
  }
}

/** Of the certificate that a new connection gets. */
function fingerprint(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? '');
      socket.destroy();
    });
    socket.setTimeout(2_000, () => socket.destroy(new Error('no TLS handshake within 2 s')));
    socket.once('error', reject);
  });
}

function tail(log: string, lines = 30): string {
  return log.trimEnd().split('\n').slice(-lines).join('\n');
}
