/** What the parts of the bench share: one server on one size, and the figures that come of it. */

import type { InterfaceSource } from './source.ts';
import type { RunningSubject, Subject } from './subject.ts';

/** One number of a table. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  /** behind the point; default 2 */
  readonly digits?: number;
  /** What it was made of, for the raw figures. */
  readonly samples?: readonly number[];
}

/** A server that is ready and has settled, on a source that holds `size` interfaces. */
export interface Run {
  readonly size: number;
  readonly source: InterfaceSource;
  readonly subject: Subject;
  readonly server: RunningSubject;
  /** Where the server's store is. */
  readonly folder: string;
  /** Seconds from its start to /ready. */
  readonly readySeconds: number;
  /** How many cores others kept busy meanwhile. */
  readonly startNoise: number;
  /** Seconds in which everything can be listed. */
  readonly listSeconds: number;
  /** The same server on an empty registry. */
  readonly emptyBytes: number;
  /** How long the storm lasts. */
  readonly seconds: number;
  /** Queries a second while latency is measured. */
  readonly rate: number;
}

export interface Part {
  readonly title: string;
  /**
   * `start`: it only reports what came of the start. `repeatable`: it leaves the server as it found it, and can be measured
   * again. `once`: it does not.
   */
  readonly kind: 'start' | 'repeatable' | 'once';
  /** Ratios first: they are what holds on another machine. */
  measure(run: Run): Promise<readonly Figure[]>;
}

/** What applications ask for again and again. */
export const HOT_NAMES = 1_000;

/** Spreads a number of steps over all interfaces. */
export function spreadOver(size: number, step: number, steps: number): number {
  return Math.floor(((step % steps) * size) / steps);
}
