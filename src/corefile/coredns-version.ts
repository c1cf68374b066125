import { bad, ok, type Result } from '../base/result.ts';

/** Major, minor, patch. */
export type CorednsVersion = readonly [number, number, number];

/** The oldest release whose source was read for {@link SINCE}; what is older gets no text. */
const OLDEST: CorednsVersion = [1, 6, 5];

/**
 * The release that brought each part of a Corefile that rpc-dns writes. Each was looked up in the source of the release
 * named and of the one before it (of `max_concurrent`: 1.6.7, since no 1.6.8 can be had).
 */
export const SINCE = {
  /** plugin/forward/setup.go, #6999 */
  failfast: [1, 12, 1],
  /** plugin/forward/setup.go, #3640 */
  maxConcurrent: [1, 6, 9],
  /** plugin/forward/setup.go, #5127: before, a second `forward` in a server block is an error */
  severalForwards: [1, 9, 4],
  /** plugin/cache/setup.go, #5320 */
  cacheServfail: [1, 9, 4],
  /** plugin/cache/setup.go, #5131: before, `serve_stale` has no mode and sends what is stale without a look */
  verifyStale: [1, 9, 2],
  /** plugin/rewrite/name.go, #4473: before, the answer to a rewritten question cannot be turned back */
  answerAuto: [1, 8, 4],
  /** plugin/view, #5538 */
  view: [1, 10, 0],
} as const satisfies Record<string, CorednsVersion>;

export type Feature = keyof typeof SINCE;

/** `1.11.3`, `v1.11.3`, `1.11`, and what vendors put behind it: `v1.10.1-eksbuild.7`. */
export function parseCorednsVersion(text: string): Result<CorednsVersion> {
  const match = /^v?(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?(?:[-+_][\w.+-]*)?$/.exec(text);
  if (match === null) return bad(`'${text}' is no version of CoreDNS: expected such as 1.11.3`);
  const version: CorednsVersion = [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)];
  if (!isAtLeast(version, OLDEST)) {
    return bad(
      `CoreDNS ${versionText(version)}: expected ${versionText(OLDEST)} or newer, no older one was tried`,
    );
  }
  return ok(version);
}

export function versionText(version: CorednsVersion): string {
  return version.join('.');
}

/** @param version undefined: a new one */
export function has(version: CorednsVersion | undefined, feature: Feature): boolean {
  return version === undefined || isAtLeast(version, SINCE[feature]);
}

function isAtLeast(version: CorednsVersion, other: CorednsVersion): boolean {
  for (const [i, part] of version.entries()) {
    const wanted = other[i] ?? 0;
    if (part !== wanted) return part > wanted;
  }
  return true;
}
