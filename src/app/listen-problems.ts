import { portHolder } from '../serve/port-holder.ts';

/** Octets that the name of a Unix socket may have (unix(7): 108 with its NUL). */
const MAX_SOCKET_PATH = 107;

/** @returns why the control socket cannot be opened, and what to do */
export function whyNoSocket(error: NodeJS.ErrnoException, path: string): string {
  if (error.code === 'EADDRINUSE')
    return 'it is in use by another rpc-dns: stop that one, or set another path';
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH) {
    return `the path is longer than the ${MAX_SOCKET_PATH} octets that a socket may have: set a shorter one`;
  }
  if (error.code === undefined) return `${error.message}: set another path`;
  return `${error.message}: make its folder writable, or set another path`;
}

/** @returns why a port cannot be listened on, and what to do */
export async function whyNoPort(code: string, port: number, proto: 'udp' | 'tcp'): Promise<string> {
  if (code === 'EADDRINUSE') {
    const holder = portHolder(port, proto);
    if (holder?.isSelf === true)
      return 'this rpc-dns has opened the port already: give each of listen.dns and listen.http one of its own';
    return `in use by ${holder?.text ?? 'another process'}: stop it, or choose another port`;
  }
  if (code === 'EACCES')
    return 'no permission: ports below 1024 need root or the capability CAP_NET_BIND_SERVICE';
  if (code === 'EADDRNOTAVAIL') return 'this machine has no such address';
  return code;
}
