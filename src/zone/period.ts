/** The largest TTL: 2^31-1 (RFC 2181 section 8). */
export const MAX_TTL = 0x7fffffff;

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86400, w: 604800 };

/**
 * A TTL or timer as BIND writes it: seconds (`3600`), or numbers with units that are summed up (`1h30m`, `2D`).
 *
 * @returns undefined unless the text is of this form; the caller compares with its maximum
 */
export function parsePeriod(text: string): number | undefined {
  let total = 0;
  let digits = 0;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x30 && code <= 0x39) {
      value = value * 10 + code - 0x30;
      digits++;
      continue;
    }
    const unit = SECONDS[String.fromCharCode(code | 0x20)];
    if (unit === undefined || digits === 0) return undefined;
    total += value * unit;
    value = 0;
    digits = 0;
  }
  if (digits === text.length && digits > 0) return value;
  return digits === 0 && text !== '' ? total : undefined;
}
