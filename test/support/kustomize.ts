/** The manifests as kustomize renders them. */
import { resolve } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { Cluster } from './cluster.ts';
import { runToEnd, until } from './process.ts';
import { kubernetesPath } from './provision.ts';

/** What the tests read of an object. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly data?: Readonly<Record<string, string>>;
  readonly rules?: readonly PolicyRule[];
  readonly spec?: Readonly<Record<string, unknown>>;
}

/** A rule of a Role or ClusterRole. */
export interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

const MANIFESTS = resolve(import.meta.dirname, '../../manifests');

export function manifestPath(path: string): string {
  return resolve(MANIFESTS, path);
}

const rendered = new Map<string, Promise<string>>();

/** `kubectl kustomize`, once for each path; @param path below `manifests/`, or absolute */
export function renderText(path: string): Promise<string> {
  const known = rendered.get(path) ?? kustomize(path);
  rendered.set(path, known);
  return known;
}

async function kustomize(path: string): Promise<string> {
  const { code, stdout, stderr } = await runToEnd(kubernetesPath('kubectl'), [
    'kustomize',
    manifestPath(path),
  ]);
  if (code !== 0) throw new Error(`kubectl kustomize ${path}: ${stderr}`);
  return stdout;
}

export async function render(path: string): Promise<readonly Manifest[]> {
  return documentsIn(await renderText(path));
}

/** The objects of a YAML text. */
export function documentsIn(text: string): readonly Manifest[] {
  return parseAllDocuments(text).map((document) => document.toJS() as Manifest);
}

/** The one object of a kind and name. */
export function pick(objects: readonly Manifest[], kind: string, name: string): Manifest {
  const found = objects.filter((object) => object.kind === kind && object.metadata.name === name);
  const [first] = found;
  if (first === undefined || found.length > 1) {
    throw new Error(`${found.length} objects ${kind} ${name} are rendered, expected 1`);
  }
  return first;
}

/** `kubectl apply --server-side`; @returns what kubectl said */
export async function apply(cluster: Cluster, text: string, ...flags: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cluster.kubectl(
    ['apply', '--server-side', ...flags, '-f', '-'],
    text,
  );
  if (code !== 0) throw new Error(`kubectl apply: ${stderr}`);
  return stdout + stderr;
}

/** The definitions of all kinds of `rpcdns.io`, served. */
export async function applyDefinitions(cluster: Cluster): Promise<void> {
  const text = `${await renderText('crds')}\n---\n${await renderText('ledger')}`;
  await apply(cluster, text);
  // 'Established' comes a moment too early: a store that is made anew says 429 for a while
  for (const { metadata } of documentsIn(text)) {
    const path = `/apis/rpcdns.io/v1/${metadata.name.replace('.rpcdns.io', '')}`;
    await until(`${path} is served`, async () => (await cluster.api('GET', path)).status === 200);
  }
}
