import { z } from 'zod';
import { bad, ok, type Result } from '../base/result.ts';
import { type Address, parseAddress, parseIpv4, parseIpv6 } from '../name/address.ts';
import { type DomainName, parseDomainName } from '../name/domain-name.ts';
import { parseNetwork } from '../name/network.ts';
import { parsePackagePrefix } from '../name/ownership.ts';
import { parseTemplate } from '../name/template.ts';
import { unfitBlockOf, unfitOverlap } from '../name/unfit-address.ts';
import { parsePool } from '../vip/pool.ts';

/** A text that a parser of ours reads; its reason becomes the problem. */
function parsed<T>(parse: (text: string) => Result<T>, otherwise?: string) {
  const string =
    otherwise === undefined
      ? z.string()
      : z.string({
          error: ({ input }) => (input === undefined ? undefined : `'${String(input)}': ${otherwise}`),
        });
  return string.transform((text, context): T => {
    const result = parse(text);
    if (result.ok) return result.value;
    context.issues.push({ code: 'custom', message: result.reason, input: text });
    return z.NEVER;
  });
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

const DURATION_TEXT = 'expected a number with ms, s, m, h or d, such as 24h';

/** `500ms`, `60s`, `10m`, `24h`, `7d` → milliseconds. */
export const duration = parsed((text) => {
  const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text);
  const unit = UNITS_MS[match?.[2] ?? ''];
  if (match === null || unit === undefined) return bad(`'${text}' is no duration: ${DURATION_TEXT}`);
  return ok(Number(match[1]) * unit);
}, DURATION_TEXT);

export const domainName = parsed<DomainName>((text) => parseDomainName(text));

export const address = parsed<Address>((text) => {
  const value = parseAddress(text);
  return value === undefined
    ? { ok: false, reason: `'${text}' is no IPv4 or IPv6 address` }
    : { ok: true, value };
});

/** An address that an interface is pinned to: one that callers can reach. */
export const pin = parsed<Address>((text) => {
  const value = parseAddress(text);
  if (value === undefined) return bad(`'${text}' is no IPv4 or IPv6 address`);
  const unfit = unfitBlockOf(value);
  if (unfit === undefined) return ok(value);
  return bad(
    `'${text}' can be no VIP: ${unfit.text} is ${unfit.use}; give an address that callers reach, or leave 'vip' out`,
  );
});

/** A block that VIPs are taken from: one of addresses that callers can reach. */
export const pool = parsed((text) => {
  const parsedPool = parsePool(text);
  if (!parsedPool.ok) return parsedPool;
  const unfit = unfitOverlap(parsedPool.value.first, parsedPool.value.prefixLength);
  if (unfit === undefined) return parsedPool;
  return bad(
    `'${text}' can be no pool: ${unfit.text} is ${unfit.use}; give a block that nothing else uses, such as 247.0.0.0/8 or fd53::/64`,
  );
});
/** A block of addresses that are not VIPs: pods, nodes. */
export const addressBlock = parsed((text) => parsePool(text, 'block of addresses'));
/** An address or a block of them, of clients and endpoints. */
export const network = parsed(parseNetwork);

const place = z
  .string()
  .max(100)
  .regex(/^[\x21-\x7e]*$/, { error: ({ input }) => `'${String(input)}': expected ASCII without blanks` });

/** Where addresses are: `[{ region: hz, zone: gz00a, cidrs: [10.1.0.0/16] }]`. */
export const localities = z
  .array(
    z.strictObject({
      region: place.default(''),
      zone: place.min(1),
      cidrs: z.array(network).min(1),
    }),
  )
  .default([]);
export const packagePrefix = parsed((text) => parsePackagePrefix(text));
export const template = parsed(parseTemplate);

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

const LISTEN_TEXT = 'expected ADDRESS:PORT such as 127.0.0.1:5300 or [::1]:5300';

/** `127.0.0.1:5300`, `[::1]:5300`, `0.0.0.0:53`; addresses only, since a server cannot bind to a name. Port 0: any. */
export const listenAddress = parsed<HostPort>((text) => {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? '';
  const isAddress = match?.[1] === undefined ? parseIpv4(host) : parseIpv6(host);
  if (match === null || isAddress === undefined || Number(match[3]) > 65535)
    return bad(`'${text}': ${LISTEN_TEXT}`);
  return ok({ host, port: Number(match[3]) });
}, LISTEN_TEXT);

/** Seconds, as in a record (RFC 2181 section 8). */
export const ttl = z
  .int()
  .min(0)
  .max(2 ** 31 - 1);
export const port = z.int().min(1).max(65535);

const MAX_WORKERS = 64;

/** `auto`, or how many threads. */
export const workers = z.union([z.literal('auto'), z.int().min(1).max(MAX_WORKERS)], {
  error: ({ input }) => {
    const found = input === null || typeof input === 'object' ? '' : `'${String(input)}': `;
    const hint = typeof input === 'string' && /^\d+$/.test(input) ? ', without quotes' : '';
    return `${found}expected auto, or a whole number from 1 to ${MAX_WORKERS}${hint}`;
  },
});

/** One value or a list of them. */
export function oneOrMany<S extends z.ZodType>(element: S) {
  return z.preprocess(
    (value) => (value === undefined || value === null || Array.isArray(value) ? value : [value]),
    z.array(element).min(1),
  );
}
