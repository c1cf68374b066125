/** Expected failure is a value: a parser returns what it read, or the reason why it could not. */
export type Result<T> = Ok<T> | Bad;

export interface Ok<T> {
  readonly ok: true;
  readonly value: T;
}

export interface Bad {
  readonly ok: false;
  /** For people: what was found and what was expected, without file or line. */
  readonly reason: string;
}

export function ok<T>(value: T): Ok<T> {
  return { ok: true, value };
}

export function bad(reason: string): Bad {
  return { ok: false, reason };
}
