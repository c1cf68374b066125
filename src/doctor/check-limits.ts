import { readFileSync } from 'node:fs';
import { type UdpSocket, udpSockets } from './socket-table.ts';
import { type Check, finding, good, type Seen, warning } from './surroundings.ts';

/** Each TCP client takes a descriptor; the server itself some fifty. */
const LEAST_FILES = 1024;
const ENOUGH_FILES = 4096;
/** What the server asks the kernel for; it gets at most net.core.rmem_max. */
const RECEIVE_BUFFER_BYTES = 4 * 2 ** 20;

/** File descriptors, receive buffers, and what they lost. */
export const checkLimits: Check = {
  title: 'limits',
  async look({ pid, config }) {
    const seen = [
      ...filesSeen(pid),
      ...buffersSeen(),
      ...dropsSeen(udpSockets(pid), new Set(config.listen.dns.map(({ port }) => port))),
    ];
    return seen.length > 0 ? seen : [good('this system does not show them')];
  },
};

/** The soft limit, which Node raises to the hard one when it starts. */
export function openFilesOf(limits: string): number | undefined {
  const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1];
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : soft === undefined ? undefined : Number(soft);
}

function filesSeen(pid: number | undefined): readonly Seen[] {
  const limits = read(`/proc/${pid ?? 'self'}/limits`);
  const files = limits === undefined ? undefined : openFilesOf(limits);
  if (files === undefined) return [];
  const text = `${pid === undefined ? 'here' : `pid ${pid}`} may open ${files} files`;
  const remedy = `raise it to ${ENOUGH_FILES} and more: LimitNOFILE= of the unit, ulimit -n, or the container runtime's default`;
  if (files < LEAST_FILES) return [finding(`${text}: TCP clients are turned away early`, remedy)];
  if (files < ENOUGH_FILES) return [warning(`${text}: as many TCP clients fewer some fifty`, remedy)];
  return [good(text)];
}

function buffersSeen(): readonly Seen[] {
  const most = Number(read('/proc/sys/net/core/rmem_max'));
  const usual = Number(read('/proc/sys/net/core/rmem_default'));
  // hidden in some containers
  if (!(most > 0)) return [];
  const text = `net.core.rmem_max is ${most}, rmem_default ${usual > 0 ? usual : 'unknown'}`;
  if (most >= RECEIVE_BUFFER_BYTES) return [good(text)];
  return [
    warning(
      `${text}: the receive buffer has not the ${RECEIVE_BUFFER_BYTES} octets that rpc-dns asks for, so bursts are lost sooner`,
      `sysctl -w net.core.rmem_max=${RECEIVE_BUFFER_BYTES} on the machine, then start rpc-dns anew`,
    ),
  ];
}

/** @param ports those of the server */
export function dropsSeen(sockets: readonly UdpSocket[], ports: ReadonlySet<number>): readonly Seen[] {
  const dropped = sockets.filter(({ port, drops }) => ports.has(port) && drops > 0);
  return dropped.map(({ port, drops }) => {
    return finding(
      `${drops} queries to UDP port ${port} were dropped since the start: the receive buffer was full`,
      `more came than one server answers, or it stood still for a while: raise net.core.rmem_max to ${RECEIVE_BUFFER_BYTES}, give it the CPU that it asks for, or more replicas`,
    );
  });
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
