/** A real CoreDNS, with the Corefile of a test. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from './ports.ts';
import { type Child, type Exit, type Launch, startChild } from './process.ts';
import { corednsPath } from './provision.ts';
import type { Cleanup } from './server.ts';
import { tempFolder } from './temp.ts';

export interface CoreDnsOptions {
  /**
   * A server block without a port gets `port`, and `{$ADDRESS}` is the address to `bind`:
   *
   *     . {
   *       bind {$ADDRESS}
   *       log
   *       forward . 127.0.0.1:5353
   *     }
   */
  readonly corefile: string;
  /** Default 127.0.0.1. */
  readonly address?: string;
  /** Default: a free one. */
  readonly port?: number;
  /** Where it runs, a namespace's `run` for instance; default: beside the test. */
  readonly launch?: Launch;
}

/** A line of the `log` plugin. */
export interface LoggedQuery {
  readonly client: string;
  readonly type: string;
  /** As it was asked, with its final dot. */
  readonly name: string;
  readonly protocol: string;
  readonly rcode: string;
  readonly flags: readonly string[];
}

export interface CoreDns {
  readonly child: Child;
  readonly address: string;
  readonly port: number;
  /** What was asked, as far as the Corefile has it logged. */
  log(): readonly LoggedQuery[];
  /** All it said since its last start. */
  output(): string;
  /** SIGUSR1, with a new Corefile if given; rejects with CoreDNS's words when it refuses it. */
  reload(corefile?: string): Promise<void>;
  /** SIGSTOP: it takes questions and answers none. */
  pause(): void;
  resume(): void;
  stop(): Promise<Exit>;
  /** `kill -9`. */
  kill(): Promise<Exit>;
  /** Again, after `stop` or `kill`, on the same port. */
  start(): Promise<void>;
}

/** Starts it, and resolves when it listens; with the plugin `kubernetes` that is when it has read the API server. */
export async function startCoreDNS(test: Cleanup, options: CoreDnsOptions): Promise<CoreDns> {
  const { address = '127.0.0.1', port = await freePort(address), launch = startChild } = options;
  const path = join(tempFolder('coredns'), 'Corefile');
  writeFileSync(path, options.corefile);
  const start = async (): Promise<Child> => {
    const args = ['-conf', path, '-dns.port', String(port)];
    const started = launch(corednsPath(), args, { name: 'CoreDNS', env: { ADDRESS: address } });
    test.after(() => started.kill());
    // Its last word when all its servers listen.
    await started.waitFor(/^CoreDNS-\d/m);
    return started;
  };
  let child = await start();

  return {
    get child() {
      return child;
    },
    address,
    port,
    log: () => [...child.output().matchAll(LOG_LINE)].map(loggedQuery),
    output: () => child.output(),
    async reload(corefile) {
      if (corefile !== undefined) writeFileSync(path, corefile);
      const from = child.output().length;
      child.signal('SIGUSR1');
      const [said] = await child.waitFor(/Reloading complete|\[ERROR\] (SIGUSR1|Restart failed).*/, { from });
      if (!said.startsWith('Reloading')) throw new Error(`CoreDNS: ${said}`);
    },
    pause: () => child.signal('SIGSTOP'),
    resume: () => child.signal('SIGCONT'),
    stop: () => child.stop(),
    kill: () => child.kill(),
    async start() {
      if (child.running) throw new Error('CoreDNS runs already');
      child = await start();
    },
  };
}

const LOG_LINE = /^\[INFO\] (\S+):\d+ - \d+ "(\S+) IN (\S+) (\S+) [^"]*" (\S+) (\S+) /gm;

function loggedQuery(line: RegExpExecArray): LoggedQuery {
  const [, client = '', type = '', name = '', protocol = '', rcode = '', flags = ''] = line;
  return { client: client.replace(/^\[|\]$/g, ''), type, name, protocol, rcode, flags: flags.split(',') };
}
