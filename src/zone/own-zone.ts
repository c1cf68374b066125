import type { Address } from '../name/address.ts';
import { isIpv4 } from '../name/address.ts';
import { constantPrefix, type DomainName, isAtOrBelow, join, keyOf } from '../name/domain-name.ts';
import { octets, u32 } from '../name/octets.ts';
import type { ResourceRecord } from './record.ts';
import { TYPE } from './types.ts';

export interface NameServer {
  readonly name: DomainName;
  readonly addresses: readonly Address[];
}

const REFRESH_SECONDS = 3600;
const RETRY_SECONDS = 600;
const EXPIRE_SECONDS = 86_400;
const HOSTMASTER = constantPrefix('hostmaster');

/**
 * The records that the server makes for a zone without a file: SOA, NS, and addresses of name servers inside it.
 *
 * @param ttl seconds
 * @param negativeTtl seconds for which a negative answer may be kept: the SOA's last number (RFC 2308 section 4)
 */
export function ownZone(
  apex: DomainName,
  nameServers: readonly NameServer[],
  ttl: number,
  negativeTtl: number,
): ResourceRecord[] {
  const [primary] = nameServers;
  if (primary === undefined) throw new Error('a zone without name server');
  const numbers = [1, REFRESH_SECONDS, RETRY_SECONDS, EXPIRE_SECONDS, negativeTtl].map(u32).join('');
  const soa = octets(primary.name + join(HOSTMASTER, apex) + numbers);
  const records: ResourceRecord[] = [{ name: apex, type: TYPE.SOA, ttl, rdata: soa }];
  for (const { name, addresses } of nameServers) {
    records.push({ name: apex, type: TYPE.NS, ttl, rdata: name });
    if (!isAtOrBelow(keyOf(name), keyOf(apex))) continue;
    for (const address of addresses) {
      records.push({ name, type: isIpv4(address) ? TYPE.A : TYPE.AAAA, ttl, rdata: address });
    }
  }
  return records;
}
