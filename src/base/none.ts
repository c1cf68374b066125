/** The empty list that all share: of a hundred thousand objects most have some list without members. */
export const NONE: readonly never[] = Object.freeze([]);

/** The same list without the spare room that a list grows by; {@link NONE} for an empty one. */
export function packed<T>(list: readonly T[]): readonly T[] {
  return list.length === 0 ? NONE : list.slice();
}
