/**
 * The scores of a study's runs as they are compared.
 *
 * @module
 */
import { baselineName, type Outcome } from "./compare.ts";
import type { Result } from "./results.ts";

/** A run that has ended, as far as its scores are compared. */
export interface ScoredRun extends Pick<Result, "variant" | "seed" | "test"> {
  readonly epochs: Readonly<Result["epochs"]>;
  readonly phases?: Readonly<Result["phases"]>;
}

/**
 * The scores of the best models, or of the last ones, of one network's runs.
 *
 * The best model of a PEA run is chosen in its final phase (of another way of training: in the last one), and the more
 * epochs there are to choose from, the higher the best of them. So the baseline that a run is compared with is chosen
 * from the same epochs (specification, recipes 2.4), where its test scores by epoch are known.
 */
export function outcomesOf(results: readonly ScoredRun[], source: "best" | "last"): Outcome[] {
  const baselines = new Map(
    results.filter(({ variant }) => variant === baselineName).map((result) => [result.seed, result]),
  );
  return results.flatMap((result): Outcome[] => {
    const { variant, seed, test } = result;
    const testAccuracy = test[source];
    if (testAccuracy === null) return [];
    const baseline = baselines.get(seed);
    const baselineAccuracy = source === "best" && baseline ? bestInWindow(baseline, result) : undefined;
    return [{ variant, seed, testAccuracy, baselineAccuracy }];
  });
}

/** Test score of the model that a run would have been left with, had it been chosen from another's last phase. */
function bestInWindow({ epochs, test }: ScoredRun, { phases = [] }: ScoredRun): number | undefined {
  const start = phases.at(-1)?.firstEpoch ?? 0;
  const window = epochs.flatMap(({ epoch, currentAccuracy, testAccuracy }) =>
    epoch - 1 >= start && currentAccuracy !== null && testAccuracy !== undefined
      ? [{ chosenBy: currentAccuracy, testAccuracy }]
      : [],
  );
  const [first, ...others] = window;
  if (first === undefined) return test.best ?? undefined;
  return others.reduce((best, model) => (model.chosenBy > best.chosenBy ? model : best), first).testAccuracy;
}
