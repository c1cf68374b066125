import { bad, ok, type Result } from '../../base/result.ts';
import { type Address, addressText, parseIpv4, parseIpv6 } from '../../name/address.ts';
import { type Octets, octets, readU16, u8, u16 } from '../../name/octets.ts';
import { fromBase64, toBase64 } from './base64.ts';
import { escapeString } from './char-string.ts';

/**
 * The parameters of SVCB records (RFC 9460 section 7, RFC 9461 section 5): one kind of value for each key.
 *
 * `encode` gets the octets behind the `=`, unescaped once, `''` without any; `decode` gives what stands between the
 * quotes behind the `=`.
 */
export interface SvcParam {
  readonly encode: (value: Octets) => Result<Octets>;
  readonly decode: (wire: Octets) => Result<string>;
}

export const MANDATORY = 0;
export const ALPN = 1;
export const NO_DEFAULT_ALPN = 2;

const KEYS: readonly string[] = [
  'mandatory',
  'alpn',
  'no-default-alpn',
  'port',
  'ipv4hint',
  'ech',
  'ipv6hint',
  'dohpath',
];

export const KEY_NAMES: Iterable<string> = KEYS;

export function keyText(key: number): string {
  return KEYS[key] ?? `key${key}`;
}

/** @returns undefined for an unknown name, and for key65535, which is reserved (RFC 9460 section 14.3.2) */
export function parseKey(text: string): number | undefined {
  const known = KEYS.indexOf(text);
  if (known >= 0) return known;
  const match = /^key(0|[1-9]\d{0,4})$/.exec(text);
  const key = Number(match?.[1] ?? 0xffff);
  return key < 0xffff ? key : undefined;
}

/** Splits at commas; `\,` and `\\` are a literal comma and backslash (RFC 9460 appendix A.1). */
function splitList(value: Octets): Result<string[]> {
  const items = [''];
  for (let i = 0; i < value.length; i++) {
    let char = value.charAt(i);
    if (char === ',') {
      items.push('');
      continue;
    }
    if (char === '\\') {
      char = value.charAt(++i);
      if (char !== ',' && char !== '\\')
        return bad("in a list only '\\\\,' and '\\\\\\\\' may follow a backslash");
    }
    items[items.length - 1] += char;
  }
  return items.includes('') ? bad('an item of the list is empty') : ok(items);
}

const mandatory: SvcParam = {
  encode(value) {
    const keys: number[] = [];
    for (const item of value.split(',')) {
      const key = parseKey(item);
      if (key === undefined) return bad(`unknown key '${item}'`);
      keys.push(key);
    }
    return ok(
      octets(
        keys
          .sort((a, b) => a - b)
          .map(u16)
          .join(''),
      ),
    );
  },
  decode(wire) {
    if (wire.length % 2 !== 0 || wire === '') return bad('expected a list of keys');
    const keys: number[] = [];
    for (let at = 0; at < wire.length; at += 2) keys.push(readU16(wire, at));
    if (keys.includes(MANDATORY)) return bad("'mandatory' does not name itself");
    for (const [i, key] of keys.entries()) {
      const before = keys[i - 1] ?? -1;
      if (key === before) return bad(`${keyText(key)} twice`);
      if (key < before) return bad('the keys are not in ascending order');
    }
    return ok(keys.map(keyText).join(','));
  },
};

const alpn: SvcParam = {
  encode(value) {
    const items = splitList(value);
    if (!items.ok) return items;
    const long = items.value.find((item) => item.length > 255);
    if (long !== undefined) return bad(`a protocol of ${long.length} octets, at most 255 fit`);
    return ok(octets(items.value.map((item) => u8(item.length) + item).join('')));
  },
  decode(wire) {
    const items: string[] = [];
    for (let at = 0; at < wire.length; at += wire.charCodeAt(at) + 1) {
      const item = wire.slice(at + 1, at + 1 + wire.charCodeAt(at));
      if (item === '' || item.length < wire.charCodeAt(at))
        return bad('expected protocols of 1 to 255 octets');
      items.push(item.replace(/[\\,]/g, '\\$&'));
    }
    return items.length === 0 ? bad('expected at least one protocol') : ok(escapeString(items.join(',')));
  },
};

const noDefaultAlpn: SvcParam = {
  encode: (value) => ok(value),
  decode: (wire) => (wire === '' ? ok('') : bad('expected no value')),
};

const port: SvcParam = {
  encode(value) {
    if (!/^\d{1,5}$/.test(value) || Number(value) > 0xffff) return bad('expected a port (0 to 65535)');
    return ok(u16(Number(value)));
  },
  decode: (wire) => (wire.length === 2 ? ok(String(readU16(wire, 0))) : bad('expected two octets')),
};

function hint(parse: (text: string) => Octets | undefined, size: number, family: string): SvcParam {
  return {
    encode(value) {
      let wire = '';
      for (const item of value.split(',')) {
        const address = parse(item);
        if (address === undefined) return bad(`expected ${family} addresses, found '${item}'`);
        wire += address;
      }
      return ok(octets(wire));
    },
    decode(wire) {
      if (wire === '' || wire.length % size !== 0)
        return bad(`expected ${family} addresses of ${size} octets`);
      const addresses: string[] = [];
      for (let at = 0; at < wire.length; at += size)
        addresses.push(addressText(wire.slice(at, at + size) as Address));
      return ok(addresses.join(','));
    },
  };
}

const ech: SvcParam = {
  encode(value) {
    const wire = fromBase64(value);
    return wire === undefined ? bad('expected base64') : ok(wire);
  },
  decode: (wire) => (wire === '' ? bad('expected base64') : ok(toBase64(wire))),
};

/** RFC 9461 section 5: a relative URI template with the variable `dns` */
const dohpath: SvcParam = {
  encode: (value) => ok(value),
  decode(wire) {
    const variables = [...wire.matchAll(/\{[^{}]*\}/g)].join('');
    if (!wire.startsWith('/') || !/\bdns\b/.test(variables)) return bad("expected a path with '{?dns}'");
    return ok(escapeString(wire));
  },
};

const OPAQUE: SvcParam = { encode: (value) => ok(value), decode: (wire) => ok(escapeString(wire)) };

const PARAMS: readonly SvcParam[] = [
  mandatory,
  alpn,
  noDefaultAlpn,
  port,
  hint(parseIpv4, 4, 'IPv4'),
  ech,
  hint(parseIpv6, 16, 'IPv6'),
  dohpath,
];

export function svcParam(key: number): SvcParam {
  return PARAMS[key] ?? OPAQUE;
}

/** A known key that is written as a number takes its value in wire form. */
export function svcParamNamed(name: string, key: number): SvcParam {
  return name === keyText(key) ? svcParam(key) : OPAQUE;
}
