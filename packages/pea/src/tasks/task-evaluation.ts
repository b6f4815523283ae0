import { evaluate } from "./evaluate.ts";
import { describeScores, type TaskEvaluation, type ViewScores } from "./task.ts";

/** The scores that training knows, and no others. */
export const plainEvaluation: TaskEvaluation = {
  givesMaps: false,
  score: async (model, loader, _, options) => ({ scores: await evaluate(model, loader, options) }),
  describe: ({ scores = {} }) => describeViews(scores),
  tellsClasses: false,
};

/** A line for each view. */
export function describeViews(scores: ViewScores): string[] {
  return Object.entries(scores).map(
    ([view, one]) => `${view.padEnd(8)}  ${describeScores(one)}  loss ${one.loss.toFixed(4)}`,
  );
}
