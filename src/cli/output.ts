/** Where a command writes, and the only ways in which it ends. */
export interface Output {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** Exit statuses (contract 1.4 and 1.5). */
export const STATUS = { ok: 0, failed: 1, badInput: 2 } as const;
