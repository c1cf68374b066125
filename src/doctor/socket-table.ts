import { readFileSync } from 'node:fs';

/** UDP sockets as Linux shows them (proc(5), /proc/net/udp). */
export interface UdpSocket {
  readonly port: number;
  /** octets that came and nobody has read */
  readonly waiting: number;
  /** datagrams that came while the buffer was full, since it was opened */
  readonly drops: number;
}

/** @param pid whose network namespace; undefined: ours. Empty where there is no /proc */
export function udpSockets(pid: number | undefined): UdpSocket[] {
  const folder = `/proc/${pid ?? 'self'}/net`;
  return ['udp', 'udp6'].flatMap((table) => {
    try {
      return parseUdpTable(readFileSync(`${folder}/${table}`, 'utf8'));
    } catch {
      return [];
    }
  });
}

/** The second column is ADDRESS:PORT in hex, the fifth TX:RX queue in hex, the last the drops. */
export function parseUdpTable(text: string): UdpSocket[] {
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns.length >= 13)
    .map((columns) => ({
      port: Number.parseInt(columns[1]?.split(':')[1] ?? '', 16),
      waiting: Number.parseInt(columns[4]?.split(':')[1] ?? '', 16),
      drops: Number(columns[12]),
    }));
}
