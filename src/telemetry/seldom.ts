/** Beyond it all is forgotten, and told once more. */
const MAX_KNOWN = 1_000;
const EVERY_MS = 60_000;

/**
 * Whether it is time to tell something of a host once more: what fails in a loop must not fill the disk with log lines. Metrics
 * count all of it.
 *
 * @returns peer: `10.0.0.5:4711`, and whatever stands behind that
 */
export function oncePerMinute(now = () => performance.now()): (what: string, peer: string) => boolean {
  const toldAt = new Map<string, number>();
  return (what, peer) => {
    const key = `${what} ${peer.replace(/:\d+(?: .*)?$/, '')}`;
    const at = now();
    const before = toldAt.get(key);
    if (before !== undefined && at - before < EVERY_MS) return false;
    if (toldAt.size >= MAX_KNOWN) toldAt.clear();
    toldAt.set(key, at);
    return true;
  };
}
