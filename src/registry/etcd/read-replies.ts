/**
 * What etcd's JSON gateway says, read. Pure, and never throws: the server may be anything. Keys are octets in base64,
 * 64-bit numbers are texts, and what is zero or empty is left out.
 */
import { bad, ok, type Result } from '../../base/result.ts';

/** A longer key is nobody's: its text is not looked at. */
const MAX_KEY_OCTETS = 8_192;
const MAX_VALUE_OCTETS = 65_536;

export interface KeyValue {
  readonly key: Buffer;
  /** undefined: not UTF-8, or too long */
  readonly text: string | undefined;
  readonly revision: number;
  /** '' where it was not asked for; undefined: not base64, not UTF-8, or too long */
  readonly value: string | undefined;
}

export interface RangeReply {
  readonly clusterId: string;
  readonly revision: number;
  readonly entries: readonly KeyValue[];
  readonly hasMore: boolean;
}

export interface KeyEvent extends KeyValue {
  readonly isDelete: boolean;
}

export type WatchReply =
  | { readonly kind: 'created' }
  | { readonly kind: 'events'; readonly revision: number; readonly events: readonly KeyEvent[] }
  | { readonly kind: 'canceled'; readonly reason: string };

/** What the gateway says of a request that failed; `code` is gRPC's. */
export interface Refusal {
  readonly code: number;
  readonly text: string;
}

type Fields = Readonly<Record<string, unknown>>;

export function readRange(reply: unknown): Result<RangeReply> {
  const said = fields(reply);
  const header = fields(said?.['header']);
  const revision = number(header?.['revision']);
  const kvs = said?.['kvs'] ?? [];
  if (said === undefined || revision === undefined || revision < 1 || !Array.isArray(kvs))
    return bad('the reply is not that of an etcd');
  const entries: KeyValue[] = [];
  for (const kv of kvs) {
    const entry = readKeyValue(kv);
    if (entry === undefined) return bad('a key in the reply cannot be read');
    entries.push(entry);
  }
  return ok({ clusterId: text(header?.['cluster_id']), revision, entries, hasMore: said['more'] === true });
}

/** @param line one line of the stream, parsed */
export function readWatch(line: unknown): Result<WatchReply> {
  const said = fields(line);
  const error = said?.['error'];
  if (error !== undefined) return ok({ kind: 'canceled', reason: readRefusal(error).text });
  const result = fields(said?.['result']);
  if (result === undefined) return bad('a line of the watch is not that of an etcd');
  const compacted = number(result['compact_revision']) ?? 0;
  if (result['canceled'] === true || compacted > 0) {
    const why = text(result['cancel_reason']);
    const reason = compacted > 0 ? `history is gone up to revision ${compacted} (compaction)` : cut(why);
    return ok({ kind: 'canceled', reason: reason === '' ? 'the watch was cancelled' : reason });
  }
  if (result['created'] === true) return ok({ kind: 'created' });
  const list = result['events'] ?? [];
  if (!Array.isArray(list)) return bad('a line of the watch is not that of an etcd');
  const events: KeyEvent[] = [];
  for (const item of list) {
    const event = fields(item);
    const entry = readKeyValue(event?.['kv']);
    if (entry === undefined) return bad('a key in the watch cannot be read');
    events.push({ ...entry, isDelete: event?.['type'] === 'DELETE' });
  }
  return ok({ kind: 'events', revision: number(fields(result['header'])?.['revision']) ?? 0, events });
}

/** 3.4 says `{error, message, code}`, 3.6 `{code, message}`, a watch `{grpc_code, message}`. */
export function readRefusal(reply: unknown): Refusal {
  const said = fields(reply);
  const code = number(said?.['code']) ?? number(said?.['grpc_code']) ?? -1;
  return { code, text: cut(text(said?.['message']) || text(said?.['error'])) };
}

export function readToken(reply: unknown): string | undefined {
  const token = text(fields(reply)?.['token']);
  // it becomes a header
  return /^[\x21-\x7e]{1,8192}$/.test(token) ? token : undefined;
}

function readKeyValue(kv: unknown): KeyValue | undefined {
  const said = fields(kv);
  const key = octets(said?.['key']);
  const revision = number(said?.['mod_revision']);
  if (said === undefined || key === undefined || key.length === 0 || revision === undefined) return undefined;
  return {
    key,
    text: key.length > MAX_KEY_OCTETS ? undefined : utf8(key),
    revision,
    value: utf8(octets(said['value'] ?? '', MAX_VALUE_OCTETS)),
  };
}

const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function utf8(from: Buffer | undefined): string | undefined {
  if (from === undefined) return undefined;
  if (from.length === 0) return '';
  try {
    return DECODER.decode(from);
  } catch {
    return undefined;
  }
}

function octets(base64: unknown, max = Number.POSITIVE_INFINITY): Buffer | undefined {
  if (typeof base64 !== 'string' || base64.length > max * 1.4 || base64.length % 4 !== 0) return undefined;
  const decoded = Buffer.from(base64, 'base64');
  // Node passes over what is no base64
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0;
  return decoded.length === (base64.length / 4) * 3 - padding ? decoded : undefined;
}

function fields(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

function number(value: unknown): number | undefined {
  const read = typeof value === 'string' && /^-?\d{1,19}$/.test(value) ? Number(value) : value;
  return typeof read === 'number' && Number.isSafeInteger(read) ? read : undefined;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** For people: short, and on one line. */
function cut(reason: string): string {
  const clean = reason.replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '?');
  return clean.length > 200 ? `${clean.slice(0, 200)}…` : clean;
}
