/** The system calls of the mmsg engine, through koffi, which is an optional dependency. */
import { getSystemErrorName } from 'node:util';

/** What the engine needs of the C library. Calls return -1 where they fail, if nothing else is said; {@link Libc.errno} says why. */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array, length: number): number;
  setsockopt(fd: number, level: number, option: number, value: Uint8Array, length: number): number;
  close(fd: number): number;
  getsockname(fd: number, address: Uint8Array, length: Uint8Array): number;
  recvmmsg(fd: number, messages: bigint, count: number, flags: number, timeout: null): number;
  sendmmsg(fd: number, messages: bigint, count: number, flags: number): number;
  /** 0: there is none of this name */
  if_nametoindex(name: string): number;
  /** @param name gets it, with a zero behind; room for 16 octets @returns null: there is none of this number */
  if_indextoname(index: number, name: Uint8Array): unknown;
  errno(): number;
  /** Memory that stays where it is until the process ends. */
  allocate(octets: number): { readonly address: bigint; readonly memory: ArrayBuffer };
}

/** Linux's own numbers; the same on x64 and arm64, and with glibc and musl. */
export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOCK_DGRAM = 2;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;
export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_RCVBUF = 8;
export const SO_REUSEPORT = 15;
export const IPPROTO_IPV6 = 41;
export const IPV6_V6ONLY = 26;
export const MSG_DONTWAIT = 0x40;
export const EINTR = 4;
export const EAGAIN = 11;
export const ENOBUFS = 105;

/** `EADDRINUSE` */
export function errorName(errno: number): string {
  try {
    return getSystemErrorName(-errno);
  } catch {
    return `errno ${errno}`;
  }
}

/** Rejects with what is missing. */
export async function openLibc(): Promise<Libc> {
  const { platform, arch } = process;
  if (platform !== 'linux' || (arch !== 'x64' && arch !== 'arm64'))
    throw new Error(`recvmmsg is known on Linux on x64 and arm64, and this is ${platform} on ${arch}`);
  const { default: koffi } = await import('koffi').catch((error: NodeJS.ErrnoException) => {
    const isMissing = error.code === 'ERR_MODULE_NOT_FOUND' || error.code === 'MODULE_NOT_FOUND';
    throw new Error(isMissing ? 'the package koffi is not installed' : `koffi: ${error.message}`);
  });
  // the C library that runs already, whichever it is
  const own = koffi.load(null);
  const call = (prototype: string) => own.func(prototype) as unknown as (...args: unknown[]) => never;
  return {
    socket: call('int socket(int domain, int type, int protocol)'),
    bind: call('int bind(int fd, const uint8_t *address, uint32_t length)'),
    setsockopt: call('int setsockopt(int fd, int level, int name, const uint8_t *value, uint32_t length)'),
    close: call('int close(int fd)'),
    getsockname: call('int getsockname(int fd, _Inout_ uint8_t *address, _Inout_ uint8_t *length)'),
    recvmmsg: call('int recvmmsg(int fd, uintptr_t messages, uint32_t count, int flags, void *timeout)'),
    sendmmsg: call('int sendmmsg(int fd, uintptr_t messages, uint32_t count, int flags)'),
    if_nametoindex: call('uint32_t if_nametoindex(const char *name)'),
    if_indextoname: call('void *if_indextoname(uint32_t index, _Out_ uint8_t *name)'),
    errno: () => koffi.errno(),
    allocate: (octets) => {
      const pointer = koffi.alloc('uint8_t', octets);
      return { address: koffi.address(pointer), memory: koffi.view(pointer, octets) };
    },
  } as Libc;
}
