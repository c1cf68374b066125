/** One load on one server: dnsperf's figures beside the server's own CPU time and memory. */
import { runToEnd } from '../support/process.ts';
import { cpuMicrosOfAll, memoryOfAll } from '../support/process-figures.ts';
import type { Rcode } from './question-sets.ts';

export interface Sample {
  readonly queriesPerSecond: number;
  readonly completed: number;
  readonly lost: number;
  /** Server CPU, user and system, of all threads and of all processes that it started. */
  readonly cpuMicrosPerQuery: number;
  /** Memory after the load: resident; of several processes what they share counts once. */
  readonly rssMegabytes: number;
}

export interface Load {
  readonly pid: number;
  readonly port: number;
  /** A file of questions for dnsperf. */
  readonly queries: string;
  /** What every answer has to be; default NOERROR. */
  readonly rcode?: Rcode;
  /** Default UDP; over TCP every connection has 25 questions under way. */
  readonly transport?: 'udp' | 'tcp';
  /** With an OPT record; default without. */
  readonly edns?: boolean;
}

/** Asks for `seconds`, with one thread, eight sockets and at most 200 questions under way. */
export async function load(
  { pid, port, queries, rcode = 'NOERROR', transport = 'udp', edns = false }: Load,
  seconds: number,
): Promise<Sample> {
  const before = await cpuMicrosOfAll(pid);
  const { code, stdout, stderr } = await runToEnd(
    'dnsperf',
    [
      ...['-s', '127.0.0.1', '-p', String(port), '-d', queries],
      ...['-m', transport, ...(edns ? ['-e'] : [])],
      ...['-T1', '-c8', '-q200', '-t1', '-l', String(seconds)],
    ],
    { deadlineMs: seconds * 1_000 + 30_000 },
  );
  const after = await cpuMicrosOfAll(pid);
  if (code !== 0) throw new Error(`dnsperf: ${stderr}`);

  const completed = figure(stdout, /Queries completed:\s+(\d+)/);
  const right = Number(new RegExp(`Response codes:.*\\b${rcode} (\\d+)`).exec(stdout)?.[1] ?? 0);
  if (right !== completed || completed === 0) {
    throw new Error(`${completed - right} of ${completed} answers were not ${rcode}:\n${stdout}`);
  }
  return {
    queriesPerSecond: figure(stdout, /Queries per second:\s+([\d.]+)/),
    completed,
    lost: figure(stdout, /Queries lost:\s+(\d+)/),
    cpuMicrosPerQuery: (after - before) / completed,
    rssMegabytes: (await memoryOfAll(pid)) / 2 ** 20,
  };
}

function figure(text: string, pattern: RegExp): number {
  const match = pattern.exec(text);
  if (match === null) throw new Error(`no ${pattern} in what dnsperf says:\n${text}`);
  return Number(match[1]);
}
