import { u8, u32 } from '../../name/octets.ts';
import type { FieldReader } from './field-reader.ts';
import { type Field, sequence } from './format.ts';
import type { WireCursor } from './wire-cursor.ts';

/**
 * LOC (RFC 1876): a place on earth. Angles are thousandths of a second of arc from 2^31, the altitude is centimetres
 * from 100 km below sea level, and sizes are one decimal digit and a power of ten in centimetres.
 */

const EQUATOR = 2 ** 31;
const SEA_LEVEL = 10_000_000;
const HOUR = 3_600_000;

interface Axis {
  readonly what: string;
  readonly degrees: number;
  readonly plus: string;
  readonly minus: string;
}

const LATITUDE: Axis = { what: 'the latitude', degrees: 90, plus: 'N', minus: 'S' };
const LONGITUDE: Axis = { what: 'the longitude', degrees: 180, plus: 'E', minus: 'W' };

/** `42 21 54.5 N`; minutes and seconds may be left out. */
function angle(axis: Axis): Field {
  return {
    parse: (reader) => u32(EQUATOR + readAngle(reader, axis)),
    text: (cursor) => angleText(cursor, axis),
  };
}

function readAngle(reader: FieldReader, axis: Axis): number {
  const { what, degrees, plus, minus } = axis;
  let sum = reader.number(`the degrees of ${what}`, degrees) * HOUR;
  const direction = `${plus} or ${minus}`;
  const isDirection = () => [plus, minus].includes(reader.peek()?.text.toUpperCase() ?? '');
  if (!isDirection()) {
    sum += reader.number(`the minutes of ${what}, or ${direction}`, 59) * 60_000;
    if (!isDirection()) {
      sum += readDecimal(reader, `the seconds of ${what}, or ${direction}`, { digits: 3, max: 59_999 });
    }
  }
  if (sum > degrees * HOUR) reader.fail(`${what} is over ${degrees} degrees`);
  const letter = reader.word(direction).toUpperCase();
  if (letter !== plus && letter !== minus) reader.fail(`expected ${direction}, found '${letter}'`);
  return letter === minus ? -sum : sum;
}

function angleText(cursor: WireCursor, { what, degrees, plus, minus }: Axis): string {
  const value = cursor.u32(what) - EQUATOR;
  const size = Math.abs(value);
  if (size > degrees * HOUR) cursor.fail(`${what} is over ${degrees} degrees`);
  const minutes = Math.floor((size % HOUR) / 60_000);
  const seconds = ((size % 60_000) / 1000).toFixed(3);
  return `${Math.floor(size / HOUR)} ${minutes} ${seconds} ${value < 0 ? minus : plus}`;
}

/** A decimal number with at most `digits` decimals and perhaps a unit behind it, as a whole number of its last decimal. */
function readDecimal(
  reader: FieldReader,
  what: string,
  { digits, max, min = 0, unit = '' }: { digits: number; max: number; min?: number; unit?: string },
): number {
  const scale = 10 ** digits;
  const expected = `${what} (${min / scale} to ${max / scale}${unit})`;
  const word = reader.word(expected);
  if (reader.failure !== undefined) return 0;
  const text = unit !== '' && word.toLowerCase().endsWith(unit) ? word.slice(0, -unit.length) : word;
  const match = /^(-?)(\d{1,10})(?:\.(\d+))?$/.exec(text);
  const decimals = match?.[3] ?? '';
  const size = Number(match?.[2]) * scale + Number(decimals.padEnd(digits, '0'));
  const value = match?.[1] === '-' ? -size : size;
  if (match !== null && decimals.length <= digits && value >= min && value <= max) return value;
  reader.fail(`expected ${expected}, found '${word}'`);
  return 0;
}

const ALTITUDE: Field = {
  parse: (reader) => {
    const bounds = { digits: 2, min: -SEA_LEVEL, max: 0xffffffff - SEA_LEVEL, unit: 'm' };
    return u32(readDecimal(reader, 'the altitude', bounds) + SEA_LEVEL);
  },
  text: (cursor) => metres(cursor.u32('the altitude') - SEA_LEVEL, 2),
};

/** One digit and a power of ten: further digits are cut off, as RFC 1876 appendix A does. */
function size(what: string, whenMissing: number): Field {
  return {
    parse: (reader) => {
      if (!reader.hasMore) return u8(whenMissing);
      const centimetres = readDecimal(reader, what, { digits: 2, max: 9e9, unit: 'm' });
      const exponent = String(centimetres).length - 1;
      return u8((Math.floor(centimetres / 10 ** exponent) << 4) | exponent);
    },
    text: (cursor) => {
      const octet = cursor.u8(what);
      const digit = octet >> 4;
      const exponent = octet & 15;
      if (digit > 9 || exponent > 9 || (digit === 0 && exponent > 0)) {
        cursor.fail(`${what} 0x${octet.toString(16)} is not a digit and a power of ten`);
      }
      return metres(digit * 10 ** exponent, exponent >= 2 || octet === 0 ? 0 : 2);
    },
  };
}

function metres(centimetres: number, decimals: number): string {
  return `${(centimetres / 100).toFixed(decimals)}m`;
}

const POSITION = [angle(LATITUDE), angle(LONGITUDE), ALTITUDE];
const SIZES = [
  size('the size', 0x12),
  size('the horizontal precision', 0x16),
  size('the vertical precision', 0x13),
];

// the sizes come last in a master file, but in front of the angles in wire form
export const LOC = sequence([
  {
    parse: (reader) => {
      const position = POSITION.map((field) => field.parse(reader)).join('');
      const sizes = SIZES.map((field) => field.parse(reader)).join('');
      return u8(0) + sizes + position;
    },
    text: (cursor) => {
      const version = cursor.u8('the version');
      if (version !== 0) cursor.fail(`version ${version} of LOC is unknown`);
      const sizes = SIZES.map((field) => field.text(cursor));
      return [...POSITION.map((field) => field.text(cursor)), ...sizes].join(' ');
    },
  },
]);
