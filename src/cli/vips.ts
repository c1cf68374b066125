import { existsSync } from 'node:fs';
import { type VipJson, vipJson } from '../api/control.ts';
import type { Config } from '../config/schema.ts';
import { openStore } from '../store/open-store.ts';
import { askControl } from './control-client.ts';
import { type Output, STATUS } from './output.ts';

/** `vips list`: the ledger of the running server, or of the store when none runs. */
export async function listVips(config: Config, json: boolean, output: Output): Promise<number> {
  const result = await askControl<VipJson[]>(config.control, 'GET', '/vips');
  const vips = result.ok ? result.value : await readStore(config);
  if (vips === undefined) {
    output.err(result.ok ? '' : `${result.reason}; and there is no store ${config.store.path} to read`);
    return STATUS.failed;
  }
  const sorted = vips.toSorted((a, b) => (a.service < b.service ? -1 : 1));
  output.out(json ? JSON.stringify(sorted, undefined, 2) : sorted.map(line).join('\n'));
  return STATUS.ok;
}

async function readStore(config: Config): Promise<VipJson[] | undefined> {
  if (config.store.kind !== 'sqlite' || !existsSync(config.store.path)) return undefined;
  const store = openStore(config.store);
  const vips: VipJson[] = [];
  try {
    await store.open({
      loaded: ({ addresses = [] }) => vips.push(...addresses.map(vipJson)),
      changed: () => {},
    });
  } finally {
    await store.close();
  }
  return vips;
}

function line({ address, service, kind, retiredAt }: VipJson): string {
  return `${address.padEnd(16)} ${service} (${kind}${retiredAt === null ? '' : `, rests since ${retiredAt}`})`;
}

/** `vips release`: gives up the address of a name that is not answered any more, before its time. */
export async function releaseVip(config: Config, name: string, output: Output): Promise<number> {
  const result = await askControl<VipJson[]>(config.control, 'POST', '/vips/release', { name });
  if (!result.ok) {
    output.err(result.reason);
    return STATUS.failed;
  }
  for (const { address, service } of result.value) output.out(`released ${address} of ${service}`);
  return STATUS.ok;
}
