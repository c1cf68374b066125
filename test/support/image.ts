/**
 * The image that the Dockerfile makes, without a container engine: its steps are carried out one by one, and what comes
 * of them is an OCI image layout (github.com/opencontainers/image-spec). Needs root, overlayfs and npm.
 *
 * The base image is stood in for by this machine's own files under an overlay, with the pinned Node among them; nothing
 * of that gets into the image but what the Dockerfile copies. Instructions that ours does not have are refused.
 */
import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { runToEnd } from './process.ts';
import { tempFolder } from './temp.ts';

const REPOSITORY = resolve(import.meta.dirname, '../..');

/** The part `config` of an image's configuration. */
export interface ImageConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly WorkingDir: string;
  readonly ExposedPorts: Readonly<Record<string, object>>;
  readonly Labels: Readonly<Record<string, string>>;
}

export interface Image {
  readonly config: ImageConfig;
  /** The files of all layers. */
  readonly root: string;
  readonly layers: number;
}

/** Why this machine cannot build the image, or false: for the `skip` option of a test. */
export function skipWithoutOverlay(): string | false {
  if (process.platform !== 'linux') return 'building the image needs Linux';
  if (process.geteuid?.() !== 0) return 'building the image needs root';
  const known = readFileSync('/proc/filesystems', 'utf8');
  return !known.includes('overlay') && 'building the image needs overlayfs';
}

// Dockerfile

interface Instruction {
  readonly name: string;
  readonly text: string;
}

interface Stage {
  readonly name: string;
  readonly base: string;
  readonly steps: readonly Instruction[];
}

/** The stages of a Dockerfile. */
export function parseDockerfile(text: string): readonly Stage[] {
  const lines = text.split('\n').filter((line) => !/^\s*(#|$)/.test(line));
  const whole = lines
    .join('\n')
    .replace(/\\\n\s*/g, '')
    .split('\n');
  const stages: { name: string; base: string; steps: Instruction[] }[] = [];
  for (const line of whole) {
    const [, name = '', rest = ''] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
    if (name === 'FROM') {
      const [base = '', as, stage = ''] = rest.split(/\s+/);
      if (as !== undefined && as !== 'AS') throw new Error(`Dockerfile: ${line}`);
      stages.push({ name: stage, base, steps: [] });
    } else {
      const stage = stages.at(-1);
      if (stage === undefined || name === '') throw new Error(`Dockerfile: ${line}`);
      stage.steps.push({ name, text: rest });
    }
  }
  return stages;
}

/** Sources of a COPY from the build context, as far as .dockerignore lets them in. */
function fromContext(sources: readonly string[]): readonly string[] {
  const rules = readFileSync(join(REPOSITORY, '.dockerignore'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (rules[0] !== '*' || rules.slice(1).some((rule) => !/^![\w.-]+$/.test(rule))) {
    throw new Error('.dockerignore: expected "*" and then what is let in, one "!NAME" a line');
  }
  for (const source of sources) {
    if (!rules.includes(`!${source}`)) throw new Error(`COPY ${source}: .dockerignore leaves it out`);
  }
  return sources;
}

const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

// Building

/** Carries out the Dockerfile; @returns the folder of the OCI image layout */
export async function buildImage(): Promise<string> {
  const stages = parseDockerfile(readFileSync(join(REPOSITORY, 'Dockerfile'), 'utf8'));
  const [build, final] = stages;
  if (build === undefined || final === undefined || stages.length !== 2 || final.base !== 'scratch') {
    throw new Error('Dockerfile: expected a stage that builds, and one from scratch');
  }
  const folder = tempFolder('image');
  const copied = final.steps.filter(({ name }) => name === 'COPY');
  const tars = copied.map(({ text }, i) => {
    const [, stage, source = ''] = /^--from=(\w+) (\/\S+) \/$/.exec(text) ?? [];
    if (stage !== build.name) throw new Error(`COPY ${text}: expected --from=${build.name} FOLDER /`);
    return { source, file: join(folder, `layer-${i}.tar`) };
  });
  await runBuildStage(build, tars, folder);
  return writeLayout(
    folder,
    final,
    tars.map(({ file }) => file),
  );
}

async function runBuildStage(
  stage: Stage,
  tars: readonly { readonly source: string; readonly file: string }[],
  folder: string,
): Promise<void> {
  if (!/^node:24-bookworm/.test(stage.base) || !process.version.startsWith('v24.')) {
    throw new Error(`FROM ${stage.base}: the tests run under ${process.version}`);
  }
  const here = join(folder, 'stage');
  mkdirSync(here);
  const root = join(here, 'root');
  const script = [
    'set -eu',
    // gone with the mount namespace of this script
    `mount -t tmpfs tmpfs ${here}`,
    `mkdir ${here}/upper ${here}/work ${root}`,
    `mount -t overlay overlay -o lowerdir=/,upperdir=${here}/upper,workdir=${here}/work ${root}`,
    `mount -t proc proc ${root}/proc`,
    `mount --rbind /dev ${root}/dev`,
    // where it is a link, it leads out of these files
    `cat /etc/resolv.conf > ${here}/resolv.conf; rm -f ${root}/etc/resolv.conf; cp ${here}/resolv.conf ${root}/etc/`,
    `mkdir -p ${root}/usr/local/bin ${root}/tmp; cp ${process.execPath} ${root}/usr/local/bin/node`,
    'export PATH="/usr/local/bin:$PATH" npm_config_prefer_offline=true',
  ];
  let workdir = '/';
  for (const { name, text } of stage.steps) {
    if (name === 'WORKDIR') {
      workdir = resolve(workdir, text);
      script.push(`mkdir -p ${root}${workdir}`);
    } else if (name === 'COPY') {
      const names = text.split(/\s+/);
      const target = `${root}${resolve(workdir, names.pop() ?? '')}`;
      for (const source of fromContext(names)) {
        const from = join(REPOSITORY, source);
        script.push(
          statSync(from).isDirectory()
            ? `mkdir -p ${target}; cp -R ${from}/. ${target}`
            : `mkdir -p ${target}; cp ${from} ${target}`,
        );
      }
    } else if (name === 'RUN') {
      script.push(`chroot ${root} /bin/sh -c ${quote(`cd ${workdir} && ${text}`)}`);
    } else throw new Error(`${name} ${text}: what builds is told WORKDIR, COPY and RUN`);
  }
  for (const { source, file } of tars) {
    const same = '--sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner';
    script.push(`tar -C ${root}${source} ${same} -cf ${file} .`);
  }
  const { code, stdout, stderr } = await runToEnd(
    'unshare',
    ['--mount', '--propagation', 'private', '/bin/sh', '-c', script.join('\n')],
    { name: 'the build', deadlineMs: 300_000 },
  );
  if (code !== 0) throw new Error(`the build of the image failed:\n${stdout}${stderr}`);
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

async function writeLayout(folder: string, final: Stage, tars: readonly string[]): Promise<string> {
  const layout = join(folder, 'layout');
  const blobs = join(layout, 'blobs/sha256');
  mkdirSync(blobs, { recursive: true });
  const put = (mediaType: string, value: unknown): Descriptor => {
    const text = JSON.stringify(value);
    const hash = createHash('sha256').update(text).digest('hex');
    writeFileSync(join(blobs, hash), text);
    return { mediaType, digest: `sha256:${hash}`, size: Buffer.byteLength(text) };
  };
  const layers = await Promise.all(
    tars.map(async (tar): Promise<Descriptor> => {
      const hash = await hashOf(tar);
      const size = statSync(tar).size;
      renameSync(tar, join(blobs, hash));
      return { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: `sha256:${hash}`, size };
    }),
  );
  const config = put('application/vnd.oci.image.config.v1+json', {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: configOf(final),
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
  });
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = put(mediaType, { schemaVersion: 2, mediaType, config, layers });
  writeFileSync(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [manifest] }));
  return layout;
}

function configOf({ steps }: Stage): ImageConfig {
  const config = {
    User: '',
    Env: [] as string[],
    Entrypoint: [] as string[],
    Cmd: [] as string[],
    WorkingDir: '/',
    ExposedPorts: {} as Record<string, object>,
    Labels: {} as Record<string, string>,
  };
  for (const { name, text } of steps) {
    if (name === 'USER') config.User = text;
    else if (name === 'ENV') config.Env.push(text);
    else if (name === 'WORKDIR') config.WorkingDir = resolve(config.WorkingDir, text);
    else if (name === 'EXPOSE') for (const port of text.split(/\s+/)) config.ExposedPorts[port] = {};
    else if (name === 'LABEL') {
      for (const [, key = '', value = ''] of text.matchAll(/(\S+?)="([^"]*)"/g)) config.Labels[key] = value;
    } else if (name === 'ENTRYPOINT') config.Entrypoint = JSON.parse(text) as string[];
    else if (name === 'CMD') config.Cmd = JSON.parse(text) as string[];
    else if (name !== 'COPY') throw new Error(`${name} ${text}: not known here`);
  }
  return config;
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

// Reading

/** Reads an image layout as a container engine does, digests and sizes compared, and unpacks it. */
export async function unpackImage(layout: string): Promise<Image> {
  const fileOf = ({ digest }: Descriptor) => join(layout, 'blobs', digest.replace(':', '/'));
  const check = async (descriptor: Descriptor): Promise<string> => {
    const file = fileOf(descriptor);
    const digest = `sha256:${await hashOf(file)}`;
    if (digest !== descriptor.digest || statSync(file).size !== descriptor.size) {
      throw new Error(`${descriptor.digest}: the blob is ${digest}`);
    }
    return file;
  };
  const read = async <T>(descriptor: Descriptor): Promise<T> => {
    return JSON.parse(readFileSync(await check(descriptor), 'utf8')) as T;
  };
  const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')) as { manifests: [Descriptor] };
  const manifest = await read<{ config: Descriptor; layers: readonly Descriptor[] }>(index.manifests[0]);
  const { config } = await read<{ config: ImageConfig }>(manifest.config);
  const root = join(tempFolder('container'), 'root');
  mkdirSync(root);
  for (const layer of manifest.layers) {
    const { code, stderr } = await runToEnd('tar', ['-C', root, '-xpf', await check(layer)]);
    if (code !== 0) throw new Error(`tar: ${stderr}`);
  }
  return { config, root, layers: manifest.layers.length };
}
