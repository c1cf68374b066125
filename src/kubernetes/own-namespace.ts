import { readFileSync } from 'node:fs';
import { SERVICE_ACCOUNT } from './api-client.ts';

/** The namespace of the pod that this process runs in; outside of a cluster `rpc-dns`. */
export function ownNamespace(): string {
  try {
    return readFileSync(`${SERVICE_ACCOUNT}/namespace`, 'utf8').trim() || 'rpc-dns';
  } catch {
    return 'rpc-dns';
  }
}
