/**
 * Cuts the few texts that are wanted out of a provider's URL, encoded whole as it is: one pass over its characters, and
 * nothing is decoded but what is wanted and has an escape in it.
 */

/** The parameters that are wanted, by their places in {@link ProviderUrl.parameters}. */
const PARAMETERS = [
  'category',
  'disabled',
  'enabled',
  'version',
  'group',
  'application',
  'organization',
  'module',
  'environment',
  'appName',
  'uniqueId',
  'weight',
  'region',
  'zone',
] as const;
export const CATEGORY = 0;
export const DISABLED = 1;
export const ENABLED = 2;
export const VERSION = 3;
export const GROUP = 4;
export const APPLICATION = 5;
export const ORGANIZATION = 6;
export const MODULE = 7;
export const ENVIRONMENT = 8;
/** SOFARPC's. */
export const APP_NAME = 9;
export const UNIQUE_ID = 10;
/** Of both. Dubbo's labels, such as `region=hz`, are parameters, too. */
export const WEIGHT = 11;
export const REGION = 12;
export const ZONE = 13;

/** Dubbo 2 writes what a provider sets for all its services with this in front; places from here on. */
const DEFAULT = 'default.';
export const DEFAULTS = PARAMETERS.length;

export interface ProviderUrl {
  readonly protocol: string;
  /** `host` or `user@host`, in front of the last colon; undefined: there is none */
  readonly host: string | undefined;
  /** behind the last colon */
  readonly port: string;
  /** Of a parameter that is there more than once the last; undefined: it is not there. */
  readonly parameters: readonly (string | undefined)[];
}

/** Which part of `PROTOCOL://AUTHORITY[/PATH][?KEY=VALUE[&KEY=VALUE]…]` a character belongs to. */
const PROTOCOL = 0;
const FIRST_SLASH = 1;
const SECOND_SLASH = 2;
const AUTHORITY = 3;
const PATH = 4;
const KEY = 5;
const VALUE = 6;

const END = -1;
const PERCENT = 0x25;
const AMPERSAND = 0x26;
const PLUS = 0x2b;
const SLASH = 0x2f;
const COLON = 0x3a;
const EQUALS = 0x3d;
const QUESTION_MARK = 0x3f;

/** 1: a character that parts nothing and stands for itself */
const ORDINARY = new Uint8Array(0x100).fill(1);
for (const special of '%&+/:=?') ORDINARY[special.charCodeAt(0)] = 0;
const NO_DIGIT = 0xff;
const HEX_DIGITS = new Uint8Array(0x100).fill(NO_DIGIT);
for (let i = 0; i < 16; i++) {
  for (const digit of [i.toString(16), i.toString(16).toUpperCase()]) HEX_DIGITS[digit.charCodeAt(0)] = i;
}

/** Where names are laid out as octets: those of an array are read several times faster than characters of a string. */
const SCRATCH = Buffer.alloc(64 * 1024);

/** @returns `encoding`: it is not URL-encoded; `url`: it is no `protocol://…` */
export function scanProviderUrl(node: string): ProviderUrl | 'encoding' | 'url' {
  const octets = 3 * node.length <= SCRATCH.length ? SCRATCH : Buffer.alloc(3 * node.length);
  if (octets.write(node) === node.length) return scanAscii(node, octets);
  const encoded = encodeRest(node);
  return encoded === undefined ? 'encoding' : scanProviderUrl(encoded);
}

/** @param octets begin with those of `node` */
function scanAscii(node: string, octets: Uint8Array): ProviderUrl | 'encoding' | 'url' {
  const end = node.length;
  let protocol = '';
  let host: string | undefined;
  let port: string | undefined;
  const parameters: (string | undefined)[] = [];
  let part = PROTOCOL;
  /** where the text that is being passed begins, and whether it is free of escapes */
  let from = 0;
  let isPlain = true;
  let parameter = -1;
  let isAscii = true;
  for (let at = 0, next = 0; at <= end; at = next) {
    while (at < end && ORDINARY[octets[at] ?? 0] === 1) at++;
    let code = at === end ? END : (octets[at] ?? END);
    const isEscape = code === PERCENT || code === PLUS;
    next = at + 1;
    if (code === PERCENT) {
      if (end - at < 3) return 'encoding';
      const high = HEX_DIGITS[octets[at + 1] ?? 0] ?? NO_DIGIT;
      const low = HEX_DIGITS[octets[at + 2] ?? 0] ?? NO_DIGIT;
      if (high === NO_DIGIT || low === NO_DIGIT) return 'encoding';
      code = high * 16 + low;
      isAscii &&= code < 0x80;
      next = at + 3;
    } else if (isEscape) code = 0x20;
    const behind = partBehind(part, code);
    // a slash wanted, and something else there, be it an ordinary character that was passed over
    if (behind < 0 || (at > from && (part === FIRST_SLASH || part === SECOND_SLASH)))
      return decodeUrl(node) === undefined ? 'encoding' : 'url';
    if (behind === part && !endsText(part, code)) {
      if (isEscape) isPlain = false;
      continue;
    }
    if (part === PROTOCOL) protocol = textOf(node, from, at, isPlain);
    else if (part === AUTHORITY) {
      host = host === undefined ? port : `${host}:${port}`;
      port = textOf(node, from, at, isPlain);
    } else if (part === KEY) parameter = behind === VALUE ? placeOf(node, from, at, isPlain) : -1;
    else if (part === VALUE && parameter >= 0) parameters[parameter] = textOf(node, from, at, isPlain);
    part = behind;
    from = next;
    isPlain = true;
  }
  if (!isAscii && decodeUrl(node) === undefined) return 'encoding';
  return { protocol, host, port: port ?? '', parameters };
}

/** The part that follows when `code` was read in another; -1: there is none, it is no URL. */
function partBehind(part: number, code: number): number {
  switch (part) {
    case PROTOCOL:
      return code === COLON ? FIRST_SLASH : code === END ? -1 : PROTOCOL;
    case FIRST_SLASH:
      return code === SLASH ? SECOND_SLASH : -1;
    case SECOND_SLASH:
      return code === SLASH ? AUTHORITY : -1;
    case AUTHORITY:
      return code === SLASH ? PATH : code === QUESTION_MARK ? KEY : AUTHORITY;
    case PATH:
      return code === QUESTION_MARK ? KEY : PATH;
    case KEY:
      return code === EQUALS ? VALUE : KEY;
    default:
      return code === AMPERSAND ? KEY : VALUE;
  }
}

/** Whether a text ends though the next one is of the same part. */
function endsText(part: number, code: number): boolean {
  return code === END || (part === KEY && code === AMPERSAND) || (part === AUTHORITY && code === COLON);
}

/** Where a parameter's value belongs; -1: nobody wants it. */
function placeOf(node: string, from: number, to: number, isPlain: boolean): number {
  if (!isPlain) {
    const key = textOf(node, from, to, false);
    return placeOf(key, 0, key.length, true);
  }
  if (to - from > DEFAULT.length && node.startsWith(DEFAULT, from)) {
    const place = placeOf(node, from + DEFAULT.length, to, true);
    return place < 0 || place >= DEFAULTS ? -1 : place + DEFAULTS;
  }
  const first = node.charCodeAt(from);
  for (let place = 0; place < PARAMETERS.length; place++) {
    const name = PARAMETERS[place] ?? '';
    if (name.length === to - from && name.charCodeAt(0) === first && node.startsWith(name, from))
      return place;
  }
  return -1;
}

function textOf(node: string, from: number, to: number, isPlain: boolean): string {
  const text = node.slice(from, to);
  return isPlain ? text : (decodeUrl(text) ?? '');
}

/** The same name with everything encoded that is not ASCII; undefined: that is no text. */
function encodeRest(node: string): string | undefined {
  try {
    return node.replace(/[^\0-\x7f]+/g, encodeURIComponent);
  } catch {
    return undefined;
  }
}

/** As `java.net.URLDecoder` does; undefined when it is malformed. */
export function decodeUrl(text: string): string | undefined {
  if (!text.includes('%')) return text.replaceAll('+', ' ');
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
