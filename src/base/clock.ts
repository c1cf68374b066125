/** Time as the event line knows it: the system's, or one that a test turns. */
export interface Clock {
  /** Unix milliseconds */
  now(): number;
  /** Runs once, after so many milliseconds. @returns takes it back */
  after(ms: number, run: () => void): () => void;
}

export const SYSTEM_CLOCK: Clock = {
  now: () => Date.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};
