/** How a call ends: gRPC's status, which stands in the trailers, or what stands for it where there are none. */

/** The codes that are told apart here; gRPC has more. */
export const STATUS = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

export interface Status {
  readonly code: number;
  /** for people; bounded */
  readonly message: string;
  /** the server's message is longer than is taken: our own word, not the server's */
  readonly isTooLong?: boolean;
}

/** A server may say anything, at any length. */
const MAX_MESSAGE = 500;
const LAST_CODE = 16;

/** Header fields, as `node:http2` gives them. */
export type Fields = Readonly<Record<string, string | string[] | number | undefined>>;

/** The status in trailers, or in headers that are trailers at once; undefined: there is none. */
export function statusIn(fields: Fields): Status | undefined {
  const text = fields['grpc-status'];
  if (typeof text !== 'string') return undefined;
  const code = /^\d{1,2}$/.test(text) ? Number(text) : STATUS.UNKNOWN;
  const message = fields['grpc-message'];
  return {
    code: code > LAST_CODE ? STATUS.UNKNOWN : code,
    message: typeof message === 'string' ? percentDecoded(message).slice(0, MAX_MESSAGE) : '',
  };
}

/** Why a reply's headers are not those of gRPC; undefined: they are. */
export function notGrpc(headers: Fields): Status | undefined {
  const http = Number(headers[':status']);
  if (http !== 200)
    return { code: codeOfHttp(http), message: `HTTP status ${http} in place of a gRPC reply` };
  const type = headers['content-type'];
  if (typeof type === 'string' && /^application\/grpc(?:[+;]|$)/.test(type)) return undefined;
  const found = typeof type === 'string' ? `content-type ${type.slice(0, 100)}` : 'no content-type';
  return { code: STATUS.UNKNOWN, message: `${found} in place of application/grpc` };
}

/** The table of gRPC's `http-grpc-status-mapping.md`. */
function codeOfHttp(status: number): number {
  switch (status) {
    case 400:
      return STATUS.INTERNAL;
    case 401:
      return STATUS.UNAUTHENTICATED;
    case 403:
      return STATUS.PERMISSION_DENIED;
    case 404:
      return STATUS.UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
      return STATUS.UNAVAILABLE;
    default:
      return STATUS.UNKNOWN;
  }
}

/** What the end of a stream without trailers means, by its RST_STREAM code (RFC 9113 section 7). */
export function statusOfReset(code: number): Status {
  const [of, text] =
    code === 0x7
      ? [STATUS.UNAVAILABLE, 'the server refuses the stream']
      : code === 0x8
        ? [STATUS.CANCELLED, 'the server cancels the stream']
        : code === 0xb
          ? [STATUS.RESOURCE_EXHAUSTED, 'the server asks for calm']
          : code === 0
            ? [STATUS.UNKNOWN, 'the stream ended without a status']
            : [STATUS.INTERNAL, `the server resets the stream with code ${code}`];
  return { code: of, message: text };
}

/** `grpc-message` is UTF-8, percent-encoded; what is malformed stays as it is. */
export function percentDecoded(text: string): string {
  const octets = text.replace(/(?:%[0-9A-Fa-f]{2})+/g, (run) =>
    Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'),
  );
  return octets.replace(/\p{Cc}/gu, ' ');
}

export function percentEncoded(text: string): string {
  return text.replace(/[^\x20-\x24\x26-\x7e]/gu, (character) =>
    [...Buffer.from(character, 'utf8')]
      .map((octet) => `%${octet.toString(16).toUpperCase().padStart(2, '0')}`)
      .join(''),
  );
}
