import { readFileSync } from 'node:fs';
import type { StatusJson } from '../api/control.ts';
import type { LookupResult } from '../api/look-up.ts';
import { problemText } from '../base/problem.ts';
import { bad, ok, type Result } from '../base/result.ts';
import { loadAll } from '../config/load-all.ts';
import type { Config } from '../config/schema.ts';
import type { PackageCount } from '../corefile/package-prefixes.ts';
import { askApis } from '../doctor/ask-api.ts';
import { type Examined, examine } from '../doctor/examine.ts';
import { finding, good, type Specimen, type Surroundings } from '../doctor/surroundings.ts';
import type { HostPort } from '../files/fields.ts';
import { unreadable } from '../files/unreadable.ts';
import type { Variables } from '../files/yaml-file.ts';
import { isAtOrBelow, keyOf, parseDomainName, toShortText } from '../name/domain-name.ts';
import { portHolder } from '../serve/port-holder.ts';
import { lookAsPod } from './check-coredns.ts';
import { askControl } from './control-client.ts';
import { type Output, STATUS } from './output.ts';

/** As they stand on the command line. */
export interface DoctorFlags {
  readonly config: string;
  readonly name?: string;
  readonly resolvConf: string;
  readonly clusterDomain: string;
  /** milliseconds */
  readonly timeout: string;
  readonly json: boolean;
}

/**
 * `doctor`: looks at everything between resolv.conf and the sidecar.
 *
 * @returns 0 when nothing was found, 1 when something was, 2 when the configuration cannot be used
 */
export async function doctor(flags: DoctorFlags, variables: Variables, output: Output): Promise<number> {
  const timeoutMs = Number(flags.timeout);
  if (!(timeoutMs >= 10 && timeoutMs <= 60_000)) {
    output.err(`--timeout '${flags.timeout}': expected milliseconds from 10 to 60000`);
    return STATUS.badInput;
  }
  const loaded = loadAll(flags.config, variables);
  if (!loaded.ok) {
    for (const problem of loaded.problems) output.err(problemText(problem));
    return STATUS.badInput;
  }
  const { config, zoneFiles } = loaded.value;
  const surroundings = await lookAround(flags, config, timeoutMs);
  const ofConfig: Examined[] = zoneFiles.leftOut.map((problem) => ({
    check: 'configuration',
    ...finding(
      `${problemText(problem)}: the file is left out`,
      `mend it: rpc-dns check -c ${flags.config} looks again`,
    ),
  }));
  if (ofConfig.length === 0) ofConfig.push({ check: 'configuration', ...good(`${flags.config} is good`) });
  const rows = [...ofConfig, ...(await examine(surroundings))];
  const count = (state: Examined['state']) => rows.filter((row) => row.state === state).length;
  const [findings, warnings] = [count('finding'), count('warning')];
  if (flags.json) output.out(JSON.stringify({ findings, warnings, checks: rows }, undefined, 2));
  else output.out([...rows.flatMap(lines), summary(findings, warnings)].join('\n'));
  return findings === 0 ? STATUS.ok : STATUS.failed;
}

const STATE_WIDTH = 'finding'.length;
const TITLE_WIDTH = 'configuration'.length;

function lines({ state, check, text, remedy }: Examined): string[] {
  const line = `${state.padEnd(STATE_WIDTH)}  ${check.padEnd(TITLE_WIDTH)}  ${text}`;
  return remedy === undefined ? [line] : [line, `${' '.repeat(STATE_WIDTH)}  what to do: ${remedy}`];
}

function summary(findings: number, warnings: number): string {
  const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`;
  const more = warnings === 0 ? '' : `, ${counted(warnings, 'warning')}`;
  return `${counted(findings, 'finding')}${more}`;
}

async function lookAround(flags: DoctorFlags, config: Config, timeoutMs: number): Promise<Surroundings> {
  const control = <T>(path: string) => askControl<T>(config.control, 'GET', path, undefined, timeoutMs);
  const server = await control<StatusJson>('/status');
  const specimen = await chooseSpecimen(flags.name, config, server.ok ? control : undefined);
  // what is needed for it takes its time to load, in which nothing else is heard
  const apis = await askApis(config, timeoutMs, Date.now);
  const zones = config.zone.map(toShortText);
  return {
    configFile: flags.config,
    config,
    resolvConf: { path: flags.resolvConf, text: readText(flags.resolvConf) },
    clusterDomain: flags.clusterDomain,
    timeoutMs,
    server,
    pid: server.ok ? server.value.pid : config.listen.dns.map(holderOf).find((pid) => pid !== undefined),
    specimen,
    apis,
    control,
    askAsPod: (address, search) => {
      const one = { name: specimen?.bare ?? MADE_UP, vips: specimen?.known?.vips };
      const specimens = { interface: one, short: undefined, long: { name: MADE_UP_LONG, vips: undefined } };
      const { clusterDomain } = flags;
      return lookAsPod(address, specimens, search, { zones, clusterDomain }, timeoutMs);
    },
    now: Date.now,
  };
}

function holderOf({ port }: HostPort): number | undefined {
  return (portHolder(port, 'udp') ?? portHolder(port, 'tcp'))?.pid;
}

/** Names that rpc-dns has to deny. */
const MADE_UP = 'com.foo.rpcdns.NotRegistered';
const MADE_UP_LONG = 'com.foo.rpcdns.a.b.c.NotRegistered';

function readText(path: string): Result<string> {
  try {
    return ok(readFileSync(path, 'utf8'));
  } catch (error) {
    return bad(unreadable(error));
  }
}

type Control = <T>(path: string) => Promise<Result<T>>;

/** The name that was given, else the first interface that the server knows. */
async function chooseSpecimen(
  given: string | undefined,
  config: Config,
  control: Control | undefined,
): Promise<Specimen | undefined> {
  const packages = given === undefined ? await control?.<PackageCount[]>('/packages') : undefined;
  const name = given ?? (packages?.ok === true ? packages.value[0]?.example : undefined);
  if (name === undefined) return undefined;
  const query = new URLSearchParams({ name, type: 'A' }).toString();
  const result = await control?.<LookupResult>(`/lookup?${query}`);
  const found = result?.ok === true ? result.value : undefined;
  const full = found?.name.replace(/\.$/, '') ?? completed(name, config);
  const zone = config.zone
    .map(toShortText)
    .find((one) => full.toLowerCase().endsWith(`.${one.toLowerCase()}`));
  const bare = zone === undefined ? full : full.slice(0, -zone.length - 1);
  if (found?.interface == null) return { bare, full, known: undefined };
  const { services } = found.interface;
  const lead = services.find(({ vips }) => vips.length > 0) ?? services[0];
  return {
    bare,
    full,
    known: {
      vips: lead?.vips ?? [],
      port: lead?.port ?? undefined,
      protocol: lead?.protocol ?? '',
      behind: lead?.behind ?? undefined,
    },
  };
}

function completed(name: string, config: Config): string {
  const short = name.replace(/\.$/, '');
  const parsed = parseDomainName(short);
  const [zone] = config.zone;
  if (!parsed.ok || zone === undefined) return short;
  const isFull = config.zone.some((one) => isAtOrBelow(keyOf(parsed.value), keyOf(one)));
  return isFull ? short : `${short}.${toShortText(zone)}`;
}
