/**
 * Queries at a fixed rate from a process of its own, and how long each reply took.
 *
 *     node test/bench/scale/steady-load.ts PORT RATE FILE     a name on each line; ends when standard input does
 *
 * What the kernel dropped before this process could read it is told apart: it is no fault of the server.
 */
import { createSocket, type Socket } from 'node:dgram';
import { readFileSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Child, startChild } from '../../support/process.ts';
import { parseQuestion, queryOctets } from '../../support/question.ts';
import { tempFolder } from '../../support/temp.ts';
import { quantile } from '../report.ts';

export interface LoadFigures {
  readonly sent: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  /** not answered within a second, nor dropped at the client */
  readonly lost: number;
  readonly droppedAtClient: number;
}

export interface SteadyLoad {
  /** Ends it, and waits for the last replies. */
  stop(): Promise<LoadFigures>;
}

/** Starts a process that asks for the names in turn, and resolves when it does. */
export async function startSteadyLoad(
  port: number,
  rate: number,
  names: readonly string[],
): Promise<SteadyLoad> {
  const file = join(tempFolder('load'), 'names');
  writeFileSync(file, names.join('\n'));
  const args = [fileURLToPath(import.meta.url), String(port), String(rate), file];
  const child: Child = startChild(process.execPath, args, { name: 'steady load' });
  await child.waitFor(/^READY$/m);
  return {
    async stop() {
      child.endInput();
      const { code } = await child.exited;
      if (code !== 0) throw new Error(`steady load: ${child.output()}`);
      return JSON.parse(child.stdout().replace('READY\n', '')) as LoadFigures;
    },
  };
}

/** Several, as the kernel keeps only some hundred datagrams for each when this process is late. */
const SOCKETS = 8;
const LOST_AFTER_MS = 1_000;
/** Not counted: this process and the server's path are still being compiled. */
const WARM_UP_MS = 1_000;
const IDS = 65_536;

class Client {
  /** for each id, when it was sent; 0: nothing is awaited */
  readonly sentAt = new Float64Array(IDS);
  readonly socket: Socket;
  #id = 0;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  send(query: Buffer): void {
    this.#id = (this.#id + 1) & 0xffff;
    query.writeUInt16BE(this.#id, 0);
    this.sentAt[this.#id] = performance.now();
    this.socket.send(query);
  }
}

async function main(port: number, rate: number, file: string): Promise<void> {
  preferThisProcess();
  const queries = readFileSync(file, 'utf8')
    .split('\n')
    .map((name) => {
      const question = parseQuestion(`${name} A`);
      return queryOctets(question.name, question.type, question.options);
    });
  const took: number[] = [];
  let startedAt = performance.now();
  let counting = false;
  let sent = 0;
  const clients = await Promise.all(
    Array.from({ length: SOCKETS }, async () => {
      const socket = createSocket({ type: 'udp4', recvBufferSize: 4 * 2 ** 20 });
      await new Promise<void>((resolve) => socket.connect(port, '127.0.0.1', resolve));
      const client = new Client(socket);
      socket.on('message', (reply) => {
        const id = reply.readUInt16BE(0);
        const at = client.sentAt[id] ?? 0;
        client.sentAt[id] = 0;
        if (at >= startedAt && counting) took.push(performance.now() - at);
      });
      socket.on('error', () => {});
      return client;
    }),
  );
  const beginToCount = (): void => {
    startedAt = performance.now();
    sent = 0;
    counting = true;
  };
  const firstAt = performance.now();
  let total = 0;
  // evenly: in each millisecond what has fallen due
  const timer = setInterval(() => {
    const now = performance.now();
    if (!counting && now - firstAt > WARM_UP_MS) {
      beginToCount();
      process.stdout.write('READY\n');
    }
    for (const due = ((now - firstAt) * rate) / 1_000; total < due; total++, sent++) {
      const query = queries[total % queries.length];
      if (query !== undefined) clients[total % SOCKETS]?.send(query);
    }
  }, 1);
  let droppedBefore = 0;
  setTimeout(() => {
    droppedBefore = droppedAt(clients);
  }, WARM_UP_MS);
  process.stdin.resume().once('end', () => {
    clearInterval(timer);
    setTimeout(() => {
      const droppedAtClient = droppedAt(clients) - droppedBefore;
      const figures: LoadFigures = {
        sent,
        p50: quantile(took, 0.5),
        p99: quantile(took, 0.99),
        p999: quantile(took, 0.999),
        max: quantile(took, 1),
        lost: Math.max(0, sent - took.length - droppedAtClient),
        droppedAtClient,
      };
      process.stdout.write(`${JSON.stringify(figures)}\n`, () => process.exit(0));
    }, LOST_AFTER_MS);
  });
}

/** Waiting for a core would be counted as the server's. */
function preferThisProcess(): void {
  try {
    setPriority(-10);
  } catch {
    // only root may
  }
}

/** What came for these sockets and found their buffers full: the last field of /proc/net/udp. */
function droppedAt(clients: readonly Client[]): number {
  const ports = new Set(clients.map(({ socket }) => socket.address().port));
  let dropped = 0;
  for (const line of readFileSync('/proc/net/udp', 'utf8').split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/);
    if (ports.has(Number.parseInt(fields[1]?.split(':')[1] ?? '', 16))) dropped += Number(fields.at(-1));
  }
  return dropped;
}

if (import.meta.main) await main(Number(process.argv[2]), Number(process.argv[3]), process.argv[4] ?? '');
