/** One load on one server: dnsperf's figures beside the server's own CPU time and memory. */
import { runToEnd } from '../support/process.ts';
import { cpuMicros, memoryOf } from '../support/process-figures.ts';
import type { RunningServer } from './servers.ts';

export interface Sample {
  readonly queriesPerSecond: number;
  readonly completed: number;
  readonly lost: number;
  /** Server CPU, user and system, of all threads. */
  readonly cpuMicrosPerQuery: number;
  /** Resident memory after the load. */
  readonly rssMegabytes: number;
}

/** Asks for `seconds`, with one thread, eight sockets and at most 200 questions under way. */
export async function load(
  server: Pick<RunningServer, 'pid' | 'port' | 'queries'>,
  seconds: number,
): Promise<Sample> {
  const before = await cpuMicros(server.pid);
  const { code, stdout, stderr } = await runToEnd('dnsperf', [
    ...['-s', '127.0.0.1', '-p', String(server.port), '-d', server.queries],
    ...['-T1', '-c8', '-q200', '-t1', '-l', String(seconds)],
  ]);
  const after = await cpuMicros(server.pid);
  if (code !== 0) throw new Error(`dnsperf: ${stderr}`);

  const completed = figure(stdout, /Queries completed:\s+(\d+)/);
  const good = figure(stdout, /Response codes:.*?NOERROR (\d+)/);
  if (good !== completed) throw new Error(`${completed - good} answers were not NOERROR:\n${stdout}`);
  return {
    queriesPerSecond: figure(stdout, /Queries per second:\s+([\d.]+)/),
    completed,
    lost: figure(stdout, /Queries lost:\s+(\d+)/),
    cpuMicrosPerQuery: (after - before) / completed,
    rssMegabytes: (await memoryOf(server.pid)).residentBytes / 2 ** 20,
  };
}

function figure(text: string, pattern: RegExp): number {
  const match = pattern.exec(text);
  if (match === null) throw new Error(`no ${pattern} in what dnsperf says:\n${text}`);
  return Number(match[1]);
}
