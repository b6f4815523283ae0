/**
 * The scores of a study's runs as they are compared.
 *
 * @module
 */
import { takesPlaceOf } from "../run/best-model.ts";
import type { Outcome, Pair } from "./compare.ts";
import type { Result } from "./results.ts";

/** Which model of a run is scored: the best of the final phase by validation, or the last. */
export type Score = "best" | "last";

/** A run that has ended, as far as its scores are compared. */
export interface ScoredRun extends Pick<Result, "variant" | "seed" | "test" | "selected"> {
  readonly epochs: Readonly<Result["epochs"]>;
  readonly phases?: Readonly<Result["phases"]>;
}

/**
 * The scores of one network's runs, each with that of the reference's run of the same seed.
 *
 * The best model of a PEA run is chosen in its final phase (of another way of training: in the last one), and the more
 * epochs there are to choose from, the higher the best of them. So two runs are compared by the models chosen from the
 * epochs that lie in the last phase of both (specification, recipes 2.4), where test scores by epoch are known.
 */
export function outcomesOf(results: readonly ScoredRun[], score: Score, reference: string): Outcome[] {
  const partners = new Map(
    results.filter(({ variant }) => variant === reference).map((result) => [result.seed, result]),
  );
  return results.flatMap((result): Outcome[] => {
    const { variant, seed, test } = result;
    const testScore = test[score];
    if (testScore === null) return [];
    const partner = partners.get(seed);
    const pair = score === "best" && partner ? pairOf(result, partner) : undefined;
    return [{ variant, seed, testScore, ...(pair && { pair }) }];
  });
}

function pairOf(run: ScoredRun, partner: ScoredRun): Pair | undefined {
  const start = Math.max(lastPhaseOf(run), lastPhaseOf(partner));
  const own = bestFrom(start, run);
  const reference = bestFrom(start, partner);
  if (own === null || reference === null) return undefined;
  return {
    own: own.score,
    reference: reference.score,
    isChosenAlike: own.isFromThere && reference.isFromThere,
  };
}

/** In epochs. */
const lastPhaseOf = ({ phases = [] }: ScoredRun): number => phases.at(-1)?.firstEpoch ?? 0;

/**
 * Test score of the model that a run would have been left with, had it been chosen from an epoch on, by the rule its own
 * best one was chosen by; that one where the scores by epoch are not known.
 */
function bestFrom(start: number, run: ScoredRun): { score: number; isFromThere: boolean } | null {
  const { epochs, test, selected } = run;
  if (test.best === null) return null;
  if (lastPhaseOf(run) === start) return { score: test.best, isFromThere: true };
  const isByLoss = selected?.loss != null;
  const candidates = epochs.flatMap(({ epoch, currentScore: score, validationLoss, testScore }) =>
    epoch - 1 >= start && score !== null && testScore !== undefined
      ? [{ score, loss: isByLoss ? validationLoss : null, testScore }]
      : [],
  );
  const [first, ...others] = candidates;
  if (first === undefined) return { score: test.best, isFromThere: false };
  const best = others.reduce((best, model) => (takesPlaceOf(best, model) ? model : best), first);
  return { score: best.testScore, isFromThere: true };
}
