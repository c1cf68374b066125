interface Numbers {
  get(at: number): number;
  set(at: number, value: number): void;
}

/**
 * Takes a row out of a list that is linked by numbers.
 *
 * @param firsts the first row of each list; 0: it is empty
 * @param nexts the row behind each row; 0: it is the last
 */
export function cut(row: number, firsts: Numbers, list: number, nexts: Numbers): void {
  let before = 0;
  for (let at = firsts.get(list); at !== 0 && at !== row; at = nexts.get(at)) before = at;
  if (before === 0) firsts.set(list, nexts.get(row));
  else nexts.set(before, nexts.get(row));
}
