import { networkInterfaces } from 'node:os';
import type { Listener } from './listener.ts';
import { type Libc, openLibc } from './mmsg/libc.ts';
import { selfTest } from './mmsg/self-test.ts';
import type { QueryHandler } from './query-handler.ts';
import { openDgram, type UdpServer } from './udp-dgram.ts';
import { BatchRoom, openMmsg } from './udp-mmsg.ts';

/** What takes queries from sockets and sends replies (contract 1.4, `engine`). */
export type EngineName = 'dgram' | 'mmsg';

export interface UdpEngine {
  readonly name: EngineName;
  /** why it is not `mmsg`; undefined: it is, or is not wanted */
  readonly problem: string | undefined;
  /** Rejects with the system's `code` when the address cannot be bound. @param isShared other threads open the same port */
  open(host: string, port: number, listener: Listener, isShared: boolean): Promise<UdpServer>;
}

/**
 * @param replySize octets that a reply may have
 * @param load for tests
 */
export async function chooseEngine(
  wanted: EngineName | 'auto',
  handler: QueryHandler,
  replySize: number,
  load: () => Promise<Libc> = openLibc,
): Promise<UdpEngine> {
  const dgram = (problem: string | undefined): UdpEngine => ({
    name: 'dgram',
    problem,
    open: (host, port, listener, isShared) => openDgram(host, port, listener, handler, replySize, isShared),
  });
  if (wanted === 'dgram') return dgram(undefined);
  try {
    const libc = await load();
    selfTest(libc, 4);
    if (hasIpv6()) selfTest(libc, 6);
    const room = new BatchRoom(libc);
    return {
      name: 'mmsg',
      problem: undefined,
      open: (host, port, listener, isShared) =>
        openMmsg(libc, room, host, port, listener, handler, replySize, isShared),
    };
  } catch (error) {
    return dgram(error instanceof Error ? error.message : String(error));
  }
}

function hasIpv6(): boolean {
  return Object.values(networkInterfaces()).some((known) => known?.some(({ address }) => address === '::1'));
}
