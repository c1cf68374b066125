import { bad, ok, type Result } from '../base/result.ts';
import type { Config } from '../config/schema.ts';
import { envoyBootstrap, type Interception, interceptionLines } from '../envoy/bootstrap.ts';
import { yamlText } from '../files/yaml-text.ts';
import { type Output, STATUS } from './output.ts';
import { sidecarServer } from './sidecar-server.ts';

export interface EnvoyFlags {
  readonly server?: string;
  readonly listen: string;
  readonly envoy: string;
  readonly zone?: string;
}

/** From this version on a single cluster can be asked for without a source of all of them. */
const NEWEST_OLD = [1, 37] as const;
const OLDEST = [1, 36] as const;

/** `envoy`: the bootstrap of a sidecar, and behind `#| ` what the machine has to be told. */
export function printEnvoy(config: Config, flags: EnvoyFlags, output: Output): number {
  const server = sidecarServer(config, flags.server);
  const interception = parseInterception(flags.listen);
  const isOld = isOldEnvoy(flags.envoy);
  const locality = flags.zone === undefined ? ok(undefined) : parseZone(flags.zone);
  const problems = [server, interception, isOld, locality].flatMap((result) =>
    result.ok ? [] : [result.reason],
  );
  if (!server.ok || !interception.ok || !isOld.ok || !locality.ok) {
    for (const problem of problems) output.err(problem);
    return STATUS.badInput;
  }
  const { pools } = config.vips;
  const bootstrap = envoyBootstrap({
    server: server.value,
    interception: interception.value,
    pools,
    locality: locality.value,
    isOld: isOld.value,
    isTls: config.sidecars?.tls !== undefined,
  });
  const lines = interceptionLines(interception.value, pools).map((line) => `#| ${line}`);
  output.out(`${lines.join('\n')}\n${yamlText(bootstrap)}`.trimEnd());
  return STATUS.ok;
}

function parseInterception(text: string): Result<Interception> {
  const [kind, rest = ''] = text.split(':');
  const ports = rest.split(',').map(Number);
  const isGood =
    ports.length > 0 && ports.every((port) => Number.isInteger(port) && port >= 1 && port <= 65_535);
  const [port] = ports;
  if (isGood && kind === 'ports') return ok({ kind, ports });
  if (isGood && port !== undefined && ports.length === 1 && (kind === 'redirect' || kind === 'tproxy'))
    return ok({ kind, port });
  return bad(
    `--listen '${text}': expected redirect:PORT, tproxy:PORT or ports:PORT,PORT such as ports:20880,50051`,
  );
}

function isOldEnvoy(text: string): Result<boolean> {
  const match = /^(\d{1,3})\.(\d{1,3})(?:\.\d+)?$/.exec(text);
  const [major, minor] = [Number(match?.[1]), Number(match?.[2])];
  if (match === null || major !== OLDEST[0] || minor < OLDEST[1])
    return bad(`--envoy '${text}': expected a version from ${OLDEST.join('.')} on, such as 1.40`);
  return ok(minor <= NEWEST_OLD[1]);
}

function parseZone(text: string): Result<{ region: string; zone: string }> {
  const match = /^([^/]*)\/([^/]+)$/.exec(text);
  return match === null
    ? bad(`--zone '${text}': expected REGION/ZONE such as hz/gz00a`)
    : ok({ region: match[1] ?? '', zone: match[2] ?? '' });
}
