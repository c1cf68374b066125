import type { Locality } from '../name/localities.ts';

/** Who asks. */
export interface Sidecar {
  /** address and port, and the subject of its certificate */
  readonly peer: string;
  /** what it says of itself; '' before it said anything */
  readonly node: {
    readonly id: string;
    readonly cluster: string;
    readonly locality: Locality | undefined;
  };
}

/** What streams tell of themselves. */
export interface SidecarEvents {
  /** The sidecar says who it is. */
  met(sidecar: Sidecar): void;
  /** It does not take what it was told (NACK). */
  refused(sidecar: Sidecar, text: string): void;
  /** What it sends is no request. */
  garbage(peer: string, reason: string): void;
  tooManyNames(sidecar: Sidecar, most: number): void;
  pushed(resources: number, octets: number): void;
  /** A response was acknowledged, or refused, so long after it was sent. */
  answered(seconds: number): void;
}
