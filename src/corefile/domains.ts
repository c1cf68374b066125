import { bad, ok, type Result } from '../base/result.ts';

/** A domain as a Corefile can hold it in a regular expression: lower case, without the last dot. */
export function parseDomain(text: string): Result<string> {
  const name = text.toLowerCase().replace(/\.$/, '');
  if (!/^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/.test(name) || name.length > 253) {
    return bad(`'${text}': expected a domain of letters, digits, '-' and '_', such as cluster.local`);
  }
  return ok(name);
}

/** @returns why a zone cannot stand beside the cluster's own names */
export function checkZone(zone: string, clusterDomain: string): string | undefined {
  if (isAtOrBelow(clusterDomain, zone))
    return `zone ${zone} would take all names of the cluster domain ${clusterDomain}`;
  for (const own of ['svc', 'pod']) {
    const domain = `${own}.${clusterDomain}`;
    if (isAtOrBelow(zone, domain)) return `zone ${zone} lies in ${domain}, whose names are Kubernetes' own`;
  }
  return undefined;
}

export function isAtOrBelow(name: string, domain: string): boolean {
  return name === domain || name.endsWith(`.${domain}`);
}
