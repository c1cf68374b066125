import { existsSync } from 'node:fs';
import { Command, Option } from 'commander';
import { problemText } from '../base/problem.ts';
import { type LoadedConfig, loadConfig } from '../config/load.ts';
import { type Config, configSchema } from '../config/schema.ts';
import { STYLES } from '../corefile/options.ts';
import type { Variables } from '../files/yaml-file.ts';
import { check } from './check.ts';
import { compare } from './compare.ts';
import { type CorefileFlags, printCorefile } from './corefile.ts';
import { type DoctorFlags, doctor } from './doctor.ts';
import { type EnvoyFlags, printEnvoy } from './envoy.ts';
import { findServer } from './find-server.ts';
import { lookup } from './lookup.ts';
import { type MosnFlags, printMosn } from './mosn.ts';
import { type Output, STATUS } from './output.ts';
import { setQueryLog } from './query-log.ts';
import { lookupServer } from './query-server.ts';
import { acceptRegistry, listRegistries } from './registries.ts';
import { listSidecars } from './sidecars.ts';
import { listVips, releaseVip } from './vips.ts';

export const DEFAULT_CONFIG = 'rpc-dns.yaml';

export interface ProgramOptions {
  readonly version: string;
  readonly variables: Variables;
  readonly output: Output;
  /** runs the server; its status is the process's */
  readonly serve: (configFile: string) => Promise<number>;
}

/**
 * The command line (contract 1.5).
 *
 * @returns the exit status; undefined while a server runs
 */
export async function runProgram(args: readonly string[], options: ProgramOptions): Promise<number> {
  const { output, variables } = options;
  let status: number = STATUS.ok;
  const withConfig = async (file: string, action: (loaded: LoadedConfig) => Promise<number>) => {
    const loaded = loadConfig(file, variables);
    if (loaded.ok) {
      status = await action(loaded.value);
      return;
    }
    for (const problem of loaded.problems) output.err(problemText(problem));
    status = STATUS.badInput;
  };

  const program = new Command('rpc-dns')
    .description('An authoritative DNS server that gives every RPC interface a name')
    .version(options.version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => output.out(text.trimEnd()),
      writeErr: (text) => output.err(text.trimEnd()),
    });
  const configOption = ['-c, --config <file>', 'configuration file', DEFAULT_CONFIG] as const;

  program
    .command('serve')
    .description('run the server')
    .option(...configOption)
    .action(async ({ config }: { config: string }) => {
      status = await options.serve(config);
    });
  program
    .command('check')
    .description('check a configuration with all files that it names, or zone files alone')
    .option(
      '-c, --config <file>',
      `configuration file (default: ${DEFAULT_CONFIG} when no zone file is given)`,
    )
    .argument('[zonefile...]', 'master files (RFC 1035)')
    .action((zoneFiles: string[], { config }: { config?: string }) => {
      status = check(
        config ?? (zoneFiles.length === 0 ? DEFAULT_CONFIG : undefined),
        zoneFiles,
        variables,
        output,
      );
    });
  program
    .command('lookup')
    .description('what a name is, whose, and what would be answered')
    .argument('<name>', 'a domain name, an interface, a service key, an application or a VIP')
    .argument('[type]', 'record type (default: the usual one of such names, mostly A)')
    .option(...configOption)
    .option('--server <address:port>', 'ask any DNS server instead')
    .option('--json', 'print JSON', false)
    .action(
      async (
        name: string,
        type: string | undefined,
        flags: { config: string; server?: string; json: boolean },
      ) => {
        if (flags.server !== undefined)
          status = await lookupServer(flags.server, name, type ?? 'A', flags.json, output);
        else
          await withConfig(flags.config, ({ config }) =>
            lookup(config.control, name, type, flags.json, output),
          );
      },
    );
  const vips = program.command('vips').description('the ledger of virtual IPs');
  vips
    .command('list', { isDefault: true })
    .description('every VIP, its owner and how it came to it')
    .option(...configOption)
    .option('--json', 'print JSON', false)
    .action((flags: { config: string; json: boolean }) =>
      withConfig(flags.config, ({ config }) => listVips(config, flags.json, output)),
    );
  vips
    .command('release')
    .description('free the VIP of a name that is not answered any more')
    .argument('<name>', 'an interface, a service key or an address')
    .option(...configOption)
    .action((name: string, flags: { config: string }) =>
      withConfig(flags.config, ({ config }) => releaseVip(config, name, output)),
    );
  const registries = program.command('registries').description('how the registries stand');
  registries
    .command('list', { isDefault: true })
    .description('the state of each, and what of it is not believed')
    .option(...configOption)
    .option('--json', 'print JSON', false)
    .action((flags: { config: string; json: boolean }) =>
      withConfig(flags.config, ({ config }) => listRegistries(config.control, flags.json, output)),
    );
  registries
    .command('accept')
    .description('believe at once that what a registry lost is gone')
    .argument('<name>', 'a registry, as `registries` calls it')
    .option(...configOption)
    .action((name: string, flags: { config: string }) =>
      withConfig(flags.config, ({ config }) => acceptRegistry(config.control, name, output)),
    );
  program
    .command('compare')
    .description('what one registry has and the other has not')
    .argument('<registry>', 'as `registries` calls it, or its kind where only one is of it')
    .argument('<registry>', 'the other one')
    .option(...configOption)
    .option('--json', 'print JSON', false)
    .action((left: string, right: string, flags: { config: string; json: boolean }) =>
      withConfig(flags.config, ({ config }) => compare(config.control, left, right, flags.json, output)),
    );
  program
    .command('querylog')
    .description('log the queries for a name, or of a client, while the server runs')
    .argument('<on|off>')
    .option(...configOption)
    .option('--name <name>', 'this name and all below it; completed as `lookup` does')
    .option('--client <network>', 'clients of this address or network, such as 10.0.0.0/8 or fd00::/64')
    .action(async (state: string, flags: { config: string; name?: string; client?: string }) => {
      if (state !== 'on' && state !== 'off') {
        output.err(`'${state}': expected on or off`);
        status = STATUS.badInput;
        return;
      }
      const { config, ...filter } = flags;
      await withConfig(config, (loaded) =>
        setQueryLog(loaded.config.control, { on: state === 'on', ...filter }, output),
      );
    });

  program
    .command('corefile')
    .description('what CoreDNS, kube-dns and NodeLocal DNSCache need; or whether a live CoreDNS has it')
    .option('-c, --config <file>', `configuration file (default: ${DEFAULT_CONFIG}, when there is one)`)
    .addOption(
      new Option('--style <style>', 'where the names of rpc-dns stand in CoreDNS')
        .choices(STYLES)
        .default('shared'),
    )
    .option('--server <ip,…>', 'addresses of rpc-dns (default: of its Service in the cluster)', listed)
    .option(
      '--packages <prefix,…>',
      'packages whose bare names resolve (default: from ownership, and what is registered)',
      listed,
    )
    .option('--cluster-domain <domain>', 'of Kubernetes', 'cluster.local')
    .option('--search <domain,…>', "more search domains of pods: their node's own", listed)
    .option('--coredns <version>', 'leave out what this version does not know')
    .option('--check <address:port>', 'ask this CoreDNS as a pod would, and say what works')
    .action(async ({ config, ...flags }: CorefileFlags & { config?: string }) => {
      const print = async (loaded: Config) => {
        status = await printCorefile(loaded, flags, () => findServer(loaded), output);
        return status;
      };
      if (config === undefined && !existsSync(DEFAULT_CONFIG)) {
        output.err(`no -c, and no ${DEFAULT_CONFIG} here: as for a configuration in which nothing stands`);
        await print(configSchema.parse({}));
      } else {
        await withConfig(config ?? DEFAULT_CONFIG, (loaded) => print(loaded.config));
      }
    });

  program
    .command('envoy')
    .description('the bootstrap of an Envoy that leads VIPs to providers, and what its machine needs')
    .option(...configOption)
    .option('--server <host:port>', 'where rpc-dns serves sidecars (default: sidecars.listen)')
    .option('--listen <form>', 'redirect:PORT, tproxy:PORT or ports:PORT,PORT', 'redirect:15001')
    .option('--envoy <version>', 'which Envoy it is for', '1.40')
    .option('--zone <region/zone>', 'where the sidecar is')
    .action((flags: EnvoyFlags & { config: string }) =>
      withConfig(flags.config, async ({ config }) => printEnvoy(config, flags, output)),
    );
  program
    .command('mosn')
    .description('the configuration of a MOSN that leads the VIPs of some interfaces to their providers')
    .option(...configOption)
    .requiredOption('--interfaces <names>', 'which; with commas, or given again', listed)
    .option('--server <host:port>', 'where rpc-dns serves sidecars (default: sidecars.listen)')
    .action((flags: MosnFlags & { config: string }) =>
      withConfig(flags.config, ({ config }) => printMosn(config, flags, output)),
    );
  program
    .command('sidecars')
    .description('which sidecars are connected, and what they asked for')
    .option(...configOption)
    .option('--json', 'print JSON', false)
    .action((flags: { config: string; json: boolean }) =>
      withConfig(flags.config, ({ config }) => listSidecars(config.control, flags.json, output)),
    );
  program
    .command('doctor')
    .description(
      'looks at everything from resolv.conf to the sidecar, and says what to do about what it finds',
    )
    .option(...configOption)
    .option('--name <name>', 'follow this name (default: the first interface that the server knows)')
    .option('--resolv-conf <file>', 'of the callers', '/etc/resolv.conf')
    .option('--cluster-domain <domain>', 'of Kubernetes', 'cluster.local')
    .option('--timeout <ms>', 'for each question', '1000')
    .option('--json', 'print JSON', false)
    .action(async (flags: DoctorFlags) => {
      status = await doctor(flags, variables, output);
    });

  try {
    await program.parseAsync([...args], { from: 'user' });
    return status;
  } catch (error) {
    const { exitCode } = error as { exitCode?: number };
    if (exitCode === undefined) throw error;
    // commander has printed why
    return exitCode === 0 ? STATUS.ok : STATUS.badInput;
  }
}

/** Values of an option that takes a list: with commas, or given again. */
function listed(text: string, before: readonly string[] = []): string[] {
  const values = text.split(',').map((value) => value.trim());
  return [...before, ...values.filter((value) => value !== '')];
}
