import { type Check, finding, good, type Seen, warning } from './surroundings.ts';

/** No rpc-dns was built before. */
const EARLIEST = Date.parse('2024-01-01T00:00:00Z');
/** Two clocks are read a moment apart, and HTTP tells whole seconds. */
const TOLERATED_MS = 5_000;
/** Certificates and tokens tolerate no more. */
const INTOLERABLE_MS = 60_000;

const REMEDY =
  'set it by NTP (timedatectl set-ntp true, chronyc makestep): certificates, tokens, serials and how long VIPs rest go by it';

/** Whether the clock is right, as far as somebody else's can be seen. */
export const checkClock: Check = {
  title: 'clock',
  async look(surroundings) {
    const now = surroundings.now();
    const text = new Date(now).toISOString();
    if (now < EARLIEST) return [finding(`it is ${text}, before rpc-dns was made`, REMEDY)];
    const stepped = Math.abs(performance.timeOrigin + performance.now() - Date.now());
    if (stepped > TOLERATED_MS) {
      return [warning(`it was set by ${Math.round(stepped / 1000)} s while doctor ran`, REMEDY)];
    }
    const compared = [...surroundings.apis].flatMap(([id, { aheadMs }]) => {
      return aheadMs === undefined ? [] : [compare(id, aheadMs)];
    });
    return compared.length > 0 ? compared : [good(`it is ${text}; nobody is there to compare it with`)];
  },
};

function compare(id: string, aheadMs: number): Seen {
  const text = `it is ${Math.round(Math.abs(aheadMs) / 1000)} s ${aheadMs > 0 ? 'ahead of' : 'behind'} that of ${id}`;
  if (Math.abs(aheadMs) > INTOLERABLE_MS) return finding(text, REMEDY);
  if (Math.abs(aheadMs) > TOLERATED_MS) return warning(text, REMEDY);
  return good(`it agrees with that of ${id}`);
}
