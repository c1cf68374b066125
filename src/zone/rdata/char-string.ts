import { ok, type Result } from '../../base/result.ts';
import { readEscape } from '../../name/domain-name.ts';
import { type Octets, octets } from '../../name/octets.ts';

/** The octets of a character-string as written (RFC 1035 section 5.1): `\X` and `\DDD` become one octet. */
export function unescapeString(text: string): Result<Octets> {
  let at = text.indexOf('\\');
  if (at < 0) return ok(octets(text));
  let result = '';
  let from = 0;
  while (at >= 0) {
    const read = readEscape(text, at);
    if (!read.ok) return read;
    result += text.slice(from, at) + String.fromCharCode(read.value.octet);
    from = at + read.value.length;
    at = text.indexOf('\\', from);
  }
  return ok(octets(result + text.slice(from)));
}

/** The octets as they stand between quotes: printable ASCII but `"` and `\` as it is. */
export function escapeString(value: string): string {
  return value.replace(/["\\]|[^\x20-\x7e]/g, (char) =>
    char === '"' || char === '\\' ? `\\${char}` : `\\${char.charCodeAt(0).toString().padStart(3, '0')}`,
  );
}

export function quoteString(value: string): string {
  return `"${escapeString(value)}"`;
}
