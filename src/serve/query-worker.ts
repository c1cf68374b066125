import { parentPort, workerData } from 'node:worker_threads';
import { giveBackMemory } from '../base/give-back-memory.ts';
import { goFirst } from '../base/queries-first.ts';
import { u8, u16 } from '../name/octets.ts';
import { CLASS_IN } from '../wire/message.ts';
import { ZoneData } from '../zone/zone-data.ts';
import { ChangeApplier } from './apply-change.ts';
import { Counters } from './counters.ts';
import { Listener } from './listener.ts';
import type {
  FromWorker,
  ListenFailure,
  Results,
  SocketAddress,
  ToWorker,
  WorkerOptions,
} from './messages.ts';
import { QueryHandler } from './query-handler.ts';
import { QueryLog } from './query-log.ts';
import { ReadyReplies } from './ready-replies.ts';
import { openTcp, type TcpServer } from './tcp.ts';
import type { UdpServer } from './udp-dgram.ts';
import { chooseEngine, type UdpEngine } from './udp-engine.ts';
import { isForEach, openForEach } from './wildcard.ts';

/*
 * A query thread: one of its own with sockets, zone data and ready replies. It never waits for another thread.
 */

const port = parentPort;
if (port === null) throw new Error('runs as a worker thread only');
const options = workerData as WorkerOptions;
const post = (message: FromWorker) => port.postMessage(message);

if (options.niceness !== undefined) goFirst(options.niceness);
const data = new ZoneData(options.names, Math.floor(Math.random() * 2 ** 32));
const ready = new ReadyReplies();
const applier = new ChangeApplier(data, ready);
const log = new QueryLog((line) => post({ kind: 'query', line }));
const handler = new QueryHandler(data, ready, new Counters(options.counters), log, options.udpSize, {
  onBlock: (block, labels) => post({ kind: 'block', block, labels }),
  onPanic: (error, query) => {
    post({
      kind: 'panic',
      query,
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  },
});
handler.setLocalities(options.localities);
const servers: (UdpServer | TcpServer)[] = [];
let engine: UdpEngine | undefined;

port.on('message', (message: ToWorker) => {
  void handle(message).then(
    (result) => post({ kind: 'done', number: message.number, result }),
    // a bug in one change must not end the thread: whoever sent it builds everything anew
    (error: unknown) => {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      post({ kind: 'failed', number: message.number, error: text });
    },
  );
});

async function handle(message: ToWorker): Promise<Results[keyof Results]> {
  switch (message.kind) {
    case 'change': {
      // the last moment at which a pause hurts no name of a registry
      if (message.change.kind === 'ready' && message.change.ready) giveBackMemory();
      applier.apply(message.change);
      const { interfaces, names, leftOut } = data.names;
      return { interfaces, names, readyReplies: ready.size, leftOutMembers: leftOut };
    }
    case 'listen':
      return listen(message.addresses);
    case 'ask':
      return { reply: ask(message.name, message.type) };
    case 'localities':
      handler.setLocalities(message.localities);
      return undefined;
    case 'query-log':
      log.set(message.filter);
      return undefined;
    case 'close':
      await Promise.all(servers.splice(0).map((server) => server.close()));
      return undefined;
  }
}

async function listen(addresses: readonly SocketAddress[]): Promise<Results['listen']> {
  engine ??= await chooseEngine(options.engine, handler, options.udpSize);
  const { name, problem } = engine;
  // who asks for mmsg and nothing else is not served by anything else
  if (problem !== undefined && options.engine === 'mmsg')
    return { failures: [], engine: name, engineProblem: problem };
  const chosen = engine;
  const failures = await Promise.all(addresses.map((address) => open(address, chosen)));
  return { failures: failures.flat(), engine: name, engineProblem: problem };
}

/** Opens UDP and TCP on one address. */
async function open(address: SocketAddress, udp: UdpEngine): Promise<ListenFailure[]> {
  const { host, port: number } = address;
  const server = `dns://${host.includes(':') ? `[${host}]` : host}:${number}`;
  const failures: ListenFailure[] = [];
  const attempts = [
    ['udp', () => openUdp(address, new Listener(server, 'udp'), udp)],
    ['tcp', () => openTcp(host, number, new Listener(server, 'tcp'), handler, options.sharesPorts)],
  ] as const;
  for (const [proto, attempt] of attempts) {
    try {
      servers.push(await attempt());
    } catch (error) {
      failures.push({ address, proto, code: (error as NodeJS.ErrnoException).code ?? String(error) });
    }
  }
  return failures;
}

function openUdp(address: SocketAddress, listener: Listener, udp: UdpEngine): Promise<UdpServer> {
  const { host, port: number } = address;
  if (isForEach(address)) return openForEach(host, (one) => udp.open(one, number, listener, true));
  return udp.open(host, number, listener, options.sharesPorts);
}

const internal = new Listener('control', 'tcp');

/** Answers a question as if it had come over TCP with EDNS: what `lookup` shows. */
function ask(name: string, type: number): Uint8Array {
  const header = `\0\0\0\0${u16(1)}\0\0\0\0${u16(1)}`;
  const opt = `\0${u16(41)}${u16(options.udpSize)}${u8(0)}${u8(0)}\0\0\0\0`;
  const query = Buffer.from(header + name + u16(type) + u16(CLASS_IN) + opt, 'latin1');
  const length = handler.handle(query, internal, { address: 'control', port: 0, family: 'IPv4' });
  return Uint8Array.from(handler.out.subarray(0, length));
}
