/**
 * A name that is free, which it is no more then: the wanted one, or that and a number.
 *
 * @param taken is given the name
 */
export function freeName(wanted: string, taken: Set<string>): string {
  let free = wanted;
  for (let i = 1; taken.has(free); i++) free = `${wanted}_${i}`;
  taken.add(free);
  return free;
}
