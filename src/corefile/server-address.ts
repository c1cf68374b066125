import { bad, ok, type Result } from '../base/result.ts';
import { addressText, isIpv4, parseAddress, splitHostPort } from '../name/address.ts';

/** Where rpc-dns answers. */
export interface ServerAddress {
  readonly address: string;
  readonly isIpv6: boolean;
  readonly port: number;
}

const DNS_PORT = 53;

/** `10.96.0.53`, `fd00::53`, `10.0.0.5:5300`, `[fd00::53]:5300`. No host names: `forward` takes none. */
export function parseServer(text: string): Result<ServerAddress> {
  const alone = parseAddress(text.replace(/^\[(.*)\]$/, '$1'));
  const split = alone === undefined ? splitHostPort(text) : undefined;
  const address = alone ?? (split === undefined ? undefined : parseAddress(split.host));
  if (address === undefined) {
    return bad(
      `--server '${text}': expected an IP address such as 10.96.0.53, since CoreDNS forwards to no name`,
    );
  }
  return ok({ address: addressText(address), isIpv6: !isIpv4(address), port: split?.port ?? DNS_PORT });
}

/** As `forward` reads it: an IPv6 address in brackets needs its port. */
export function forwardText({ address, isIpv6, port }: ServerAddress): string {
  if (isIpv6) return `[${address}]:${port}`;
  return port === DNS_PORT ? address : `${address}:${port}`;
}

/** As kube-dns reads it in `stubDomains`: an IPv6 address without a port stands alone. */
export function stubDomainText(server: ServerAddress): string {
  return server.port === DNS_PORT ? server.address : forwardText(server);
}
