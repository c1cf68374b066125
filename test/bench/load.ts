/** One load on one server: dnsperf's figures beside the server's own CPU time and memory. */
import { readFile } from 'node:fs/promises';
import { runToEnd } from '../support/process.ts';
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

/** Linux counts in hundredths of a second, whatever the kernel's own tick. */
const TICK_MICROS = 10_000;

/** Asks for `seconds`, with one thread, eight sockets and at most 200 questions under way. */
export async function load(server: RunningServer, seconds: number): Promise<Sample> {
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
    rssMegabytes: await rssMegabytes(server.pid),
  };
}

function figure(text: string, pattern: RegExp): number {
  const match = pattern.exec(text);
  if (match === null) throw new Error(`no ${pattern} in what dnsperf says:\n${text}`);
  return Number(match[1]);
}

/** Fields 14 and 15 of proc(5)'s stat, counted after the name, which may hold blanks and brackets. */
async function cpuMicros(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MICROS;
}

async function rssMegabytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024;
}
