import type { Libc } from './libc.ts';
import {
  AF_INET,
  AF_INET6,
  errorName,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  SO_RCVBUF,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOL_SOCKET,
} from './libc.ts';
import { type Family, socketName } from './socket-name.ts';

const RECEIVE_BUFFER_OCTETS = 4 * 2 ** 20;

export interface BoundSocket {
  readonly fd: number;
  readonly family: Family;
}

/**
 * A UDP socket that never blocks. Throws an error with the system's `code`.
 *
 * @param isShared others of this user may bind the same, who set SO_REUSEPORT too (socket(7)): each flow has one of them
 */
export function openSocket(libc: Libc, host: string, port: number, isShared = false): BoundSocket {
  const name = socketName(libc, host, port);
  if (name === undefined) throw problem('EADDRNOTAVAIL', `${host} is no address here`);
  const family: Family = name.length === 16 ? 4 : 6;
  const fd = libc.socket(family === 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw problem(errorName(libc.errno()), 'socket');
  if (family === 6) set(libc, fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  // where the kernel allows less, its own limit serves as well
  set(libc, fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER_OCTETS);
  if (isShared) set(libc, fd, SOL_SOCKET, SO_REUSEPORT, 1);
  if (libc.bind(fd, name, name.length) === 0) return { fd, family };
  const code = errorName(libc.errno());
  libc.close(fd);
  throw problem(code, `bind ${host}`);
}

/** From now on nobody else can bind the port, even with SO_REUSEADDR. */
export function keepToItself(libc: Libc, fd: number): void {
  set(libc, fd, SOL_SOCKET, SO_REUSEADDR, 0);
}

function set(libc: Libc, fd: number, level: number, option: number, value: number): void {
  const octets = Buffer.alloc(4);
  octets.writeInt32LE(value);
  libc.setsockopt(fd, level, option, octets, octets.length);
}

function problem(code: string, what: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${what}: ${code}`), { code });
}
