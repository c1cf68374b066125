import type { EventLine } from '../event-line/event-line.ts';
import { type Address, addressText } from '../name/address.ts';
import { type InterfaceName, serviceKeyText } from '../name/interface-name.ts';
import { poolContains } from '../vip/pool.ts';
import { scan } from './find-subject.ts';

/** Whose an address is, for people and as JSON. */
export interface VipExplanation {
  readonly address: string;
  /** the pool that it lies in */
  readonly pool: string | null;
  /** `cluster-ip`: of a Kubernetes Service; null: nobody has it */
  readonly kind: 'pool' | 'pin' | 'cluster-ip' | null;
  /** whose it is in the ledger, or whose it was before it came to rest: Dubbo's service key */
  readonly owner: string | null;
  /** the Kubernetes Service whose ClusterIP it is, `namespace/name` */
  readonly behind: string | null;
  /** since when it rests, and until when nobody else gets it, ISO 8601; null while it is answered */
  readonly retiredAt: string | null;
  readonly restsUntil: string | null;
  /** interfaces that are answered with it */
  readonly interfaces: readonly InterfaceName[];
}

export async function explainVip(line: EventLine, address: Address): Promise<VipExplanation> {
  const interfaces = await scan(line, (view) => view.addresses.includes(address));
  const { ledger } = line;
  const row = ledger.rowOf(address);
  const behind = interfaces
    .flatMap((name) => line.feed.published(name)?.about.services ?? [])
    .map(({ vip }) => vip)
    .find((vip) => vip.behind !== undefined && vip.addresses.includes(address))?.behind;
  const timeOf = (at: number | null | undefined) => (at == null ? null : new Date(at).toISOString());
  const retiredAt = row?.retiredAt ?? null;
  return {
    address: addressText(address),
    pool: ledger.pools.find((pool) => poolContains(pool, address))?.text ?? null,
    kind: behind === undefined ? (row?.kind ?? null) : 'cluster-ip',
    owner: row === undefined ? null : serviceKeyText(row.owner),
    behind: behind === undefined ? null : `${behind.namespace}/${behind.name}`,
    retiredAt: timeOf(retiredAt),
    restsUntil: retiredAt === null ? null : timeOf(retiredAt + ledger.reuseAfterMs),
    interfaces,
  };
}
