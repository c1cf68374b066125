/** Where an endpoint is and how many calls it is to get, as registries write it. */
import type { Endpoint } from './registration.ts';
import type { StringPool } from './string-pool.ts';

export type EndpointTraits = Pick<Endpoint, 'locality' | 'weight'>;

/** The usual weight of an endpoint, {@link Endpoint.weight}. */
export const USUAL_WEIGHT = 100;
/** Weights of several thousand endpoints are added up in 32 bits. */
const MAX_WEIGHT = 100_000;
const MAX_TEXT = 100;
/** An endpoint of which nothing more is known. */
export const NO_TRAITS: EndpointTraits = Object.freeze({});

/** What a registry says of an endpoint beside its address; whatever is no text or no number there says nothing. */
export interface SaidOfEndpoint {
  readonly region?: unknown;
  readonly zone?: unknown;
  readonly weight?: unknown;
  /** the weight that stands for 'as all others' where this registry or framework writes it */
  readonly usualWeight: number;
}

/** @param pool keeps the texts; millions of endpoints are in a few zones */
export function readTraits(said: SaidOfEndpoint, pool?: StringPool): EndpointTraits {
  const zone = textOf(said.zone, pool);
  const weight = weightOf(said.weight, said.usualWeight);
  if (zone === '' && weight === USUAL_WEIGHT) return NO_TRAITS;
  return {
    ...(zone === '' ? {} : { locality: { region: textOf(said.region, pool), zone } }),
    ...(weight === USUAL_WEIGHT ? {} : { weight }),
  };
}

/** `100` of 100 is usual, `0.5` of 1 is half of it; a weight that is none, or below 0, is the usual one. */
export function weightOf(said: unknown, usual: number): number {
  const isSaid =
    typeof said === 'number' || (typeof said === 'string' && /^\d{1,9}(?:\.\d{1,9})?$/.test(said));
  const value = isSaid ? Number(said) : Number.NaN;
  if (!(value >= 0)) return USUAL_WEIGHT;
  if (value === 0) return 0;
  return Math.max(1, Math.min(MAX_WEIGHT, Math.round((value / usual) * USUAL_WEIGHT)));
}

/** These alone of something that has more; undefined: it has none. */
export function traitsOf({ locality, weight }: EndpointTraits): EndpointTraits | undefined {
  if (locality === undefined && weight === undefined) return undefined;
  return { ...(locality === undefined ? {} : { locality }), ...(weight === undefined ? {} : { weight }) };
}

function textOf(said: unknown, pool: StringPool | undefined): string {
  if (typeof said !== 'string' || said.length > MAX_TEXT || !/^[\x21-\x7e]+$/.test(said)) return '';
  return pool?.take(said) ?? said;
}
