import { type CorednsVersion, type Feature, has, SINCE, versionText } from './coredns-version.ts';
import { forwardText, type ServerAddress } from './server-address.ts';

/** Lines of a Corefile. */
export type Lines = readonly string[];

/** `head {`, the lines set in, `}`. */
export function block(head: string, lines: Lines): string[] {
  return [`${head} {`, ...lines.map((line) => `    ${line}`), '}'];
}

/** To rpc-dns: a server that hangs is found by its silence, and is asked no more until it answers again. */
export function forward(
  from: string,
  servers: readonly ServerAddress[],
  version: CorednsVersion | undefined,
): string[] {
  return block(`forward ${from} ${servers.map(forwardText).join(' ')}`, [
    'health_check 1s',
    ...ifHas(version, 'failfast', 'failfast_all_unhealthy_upstreams'),
    ...ifHas(version, 'maxConcurrent', 'max_concurrent 1000'),
  ]);
}

/**
 * Seconds for which a denial is kept at most. CoreDNS keeps it one second longer with `serve_stale`, so a name just
 * registered is answered after 2 s at most where the block is ours, after 3 s (`negativeTtl` and one) where denials of
 * foreign names are kept as well: their servers would be asked far more often.
 */
export const DENIAL = { own: 1, shared: 30 } as const;

/** Without a least TTL, whose default is 5 s; with the last answers for an hour while rpc-dns is away. */
export function cache(version: CorednsVersion | undefined, denial: number): string[] {
  return block('cache 30', [
    'success 9984 30 0',
    `denial 9984 ${denial} 0`,
    ...ifHas(version, 'cacheServfail', 'servfail 1s'),
    ...ifHas(version, 'verifyStale', 'serve_stale 1h verify'),
  ]);
}

function ifHas(version: CorednsVersion | undefined, feature: Feature, line: string): string[] {
  return has(version, feature) ? [line] : [];
}

/** A server block of its own for zones that rpc-dns answers as they are asked. */
export function zoneBlock(
  zones: readonly string[],
  servers: readonly ServerAddress[],
  version: CorednsVersion | undefined,
): string[] {
  const keys = zones.map((zone) => `${zone}:53`);
  const head = keys.length <= KEYS_IN_LINE ? keys.join(' ') : keys.join(',\n');
  return block(head, ['errors', ...forward('.', servers, version), ...cache(version, DENIAL.own)]).flatMap(
    (line) => line.split('\n'),
  );
}

const KEYS_IN_LINE = 4;

/** What an old CoreDNS cannot be told, and what comes of it. */
const OPTIONAL: readonly (readonly [Feature, option: string, consequence: string])[] = [
  [
    'failfast',
    'failfast_all_unhealthy_upstreams',
    'a hanging rpc-dns costs 2 s a query, a lookup by glibc up to 12 s',
  ],
  ['maxConcurrent', 'max_concurrent', 'queries that a hanging rpc-dns does not answer pile up'],
  ['cacheServfail', 'servfail 1s', 'a SERVFAIL is repeated for 5 s'],
  [
    'verifyStale',
    'serve_stale 1h verify',
    'while rpc-dns is away no name is answered for longer than its TTL',
  ],
];

/** One line for each option that the text has to do without. */
export function leftOut(version: CorednsVersion | undefined): string[] {
  return OPTIONAL.filter(([feature]) => !has(version, feature)).map(([feature, option, consequence]) => {
    return `${option} (since ${versionText(SINCE[feature])}): ${consequence}`;
  });
}
