/** Nacos' one message: the name of a class, headers, and JSON. */
import { problemOfJson } from '../../base/bounded-json.ts';
import { bad, ok, type Result } from '../../base/result.ts';
import { decoded, encoded } from '../../grpc/messages.ts';
import { PayloadSchema } from '../../grpc/protos/nacos_pb.ts';

export type Json = Readonly<Record<string, unknown>>;

export interface NacosMessage {
  /** `SubscribeServiceResponse` */
  readonly type: string;
  readonly body: Json;
}

/** Nacos' own clients say where they are; it shows that to people and makes no use of it. */
const CLIENT_IP = '127.0.0.1';

/** @param headers such as the token of a login */
export function encodePayload(
  type: string,
  body: Json,
  headers: Readonly<Record<string, string>> = {},
): Uint8Array {
  const value = Buffer.from(JSON.stringify({ headers: {}, ...body }));
  return encoded(PayloadSchema, {
    metadata: { type, headers: { ...headers }, clientIp: CLIENT_IP },
    body: { typeUrl: '', value },
  });
}

export function decodePayload(octets: Uint8Array): Result<NacosMessage> {
  const payload = decoded(PayloadSchema, octets);
  if (!payload.ok) return payload;
  const { metadata, body } = payload.value;
  const type = metadata?.type ?? '';
  const json = parseJson(body?.value ?? new Uint8Array());
  if (!json.ok) return bad(`${type.slice(0, 100) || 'a message without type'}: ${json.reason}`);
  return ok({ type, body: json.value });
}

/** An object of JSON in UTF-8, or why it is none. */
export function parseJson(octets: Uint8Array): Result<Json> {
  const problem = problemOfJson(octets);
  if (problem !== undefined) return bad(`its body is ${problem}`);
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(octets));
    if (isJson(value)) return ok(value);
  } catch {
    // said below
  }
  return bad('its body is no JSON object');
}

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A member that should be a text; '' when it is none. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** A text of a server's as it may stand in a log. */
export function shown(text: string): string {
  return text.slice(0, 200).replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, ' ');
}
