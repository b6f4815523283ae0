/**
 * How long runs will take, by those that have ended.
 *
 * @module
 */
import { meanOf } from "../common/mean.ts";
import type { Cell } from "./grid.ts";
import type { Ledger } from "./ledger.ts";

/**
 * Seconds a run of this network takes: the mean of those that were trained in one go; of any network, in proportion to
 * the epochs, where this one has none; null where there is no such run at all.
 */
export function secondsOf(
  cell: Cell,
  grid: readonly Cell[],
  ledger: Pick<Ledger, "timingOf">,
): number | null {
  const perEpoch = (cells: readonly Cell[]): number | null => {
    const values = cells.flatMap((other) => {
      const timing = ledger.timingOf(other);
      return timing ? [(timing.wallSeconds ?? timing.seconds) / other.recipe.epochs] : [];
    });
    return values.length === 0 ? null : meanOf(values);
  };
  const seconds = perEpoch(grid.filter(({ network }) => network === cell.network)) ?? perEpoch(grid);
  return seconds === null ? null : seconds * cell.recipe.epochs;
}
