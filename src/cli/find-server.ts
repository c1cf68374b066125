import { bad, ok, type Result } from '../base/result.ts';
import type { Config } from '../config/schema.ts';
import { kindOf } from '../registry/kinds.ts';

/** The Service in front of rpc-dns, as the manifests make it. */
const NAMESPACE = 'rpc-dns';
const SERVICE = 'rpc-dns';

interface ServiceObject {
  readonly spec?: { readonly clusterIP?: string; readonly clusterIPs?: readonly string[] };
}

/** The addresses of rpc-dns for those who forward to it: the ClusterIPs of its Service, of each family one. */
export async function findServer(config: Config): Promise<Result<readonly string[]>> {
  const clusters = config.registries.flatMap((registry) => kindOf(registry).accessOf?.(registry) ?? []);
  if (clusters.length === 0) return bad('no kubernetes registry is configured: give --server IP');
  const reasons: string[] = [];
  for (const access of clusters) {
    // costs time and memory that no other command needs
    const { ApiClient } = await import('../kubernetes/api-client.ts');
    const client = new ApiClient(access);
    try {
      const path = `/api/v1/namespaces/${NAMESPACE}/services/${SERVICE}`;
      const { spec } = await client.request<ServiceObject>('GET', path);
      const addresses = (spec?.clusterIPs ?? [spec?.clusterIP ?? '']).filter(
        (ip) => ip !== '' && ip !== 'None',
      );
      if (addresses.length > 0) return ok(addresses);
      reasons.push(`Service ${NAMESPACE}/${SERVICE} has no ClusterIP`);
    } catch (error) {
      reasons.push((error as Error).message);
    } finally {
      await client.close();
    }
  }
  return bad(`the Service ${NAMESPACE}/${SERVICE} cannot be had (${reasons.join('; ')}): give --server IP`);
}
