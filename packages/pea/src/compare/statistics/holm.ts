/**
 * Holm's correction for several tests of one question. With m p-values in ascending order, the i-th (from 0) becomes
 * the largest of min(1, (m − j)·p_j) over j ≤ i. Below 0.05 it stands with at most 5 % chance of any false one in all.
 *
 * @returns the adjusted p-values, in the order given
 */
export function holm(pValues: readonly number[]): number[] {
  const ascending = pValues.map((_, i) => i).sort((a, b) => (pValues[a] as number) - (pValues[b] as number));
  const adjusted = new Array<number>(pValues.length);
  let largest = 0;
  for (const [rank, i] of ascending.entries()) {
    largest = Math.max(largest, Math.min(1, (pValues.length - rank) * (pValues[i] as number)));
    adjusted[i] = largest;
  }
  return adjusted;
}
