/** What a run has come to: the scores of its models on the test part. */
import type { BatchLoader } from "../data/loading/loader.ts";
import { skippedOf } from "../data/loading/unreadable-images.ts";
import { nameSample } from "../data/parts/part.ts";
import { joined, type Ranks } from "../distributed/ranks.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { whyNoBest } from "../run/best-model.ts";
import { type Best, loadWeights } from "../run/checkpoint.ts";
import type { PreparedRun } from "../run/prepare-run.ts";
import type { TrainResult } from "../run/result.ts";
import type { RunDirectory } from "../run/run-directory.ts";
import { weightFiles } from "../run/trained-run.ts";
import { shortened } from "../tasks/breakdown.ts";
import { evaluate } from "../tasks/evaluate.ts";
import type { Loaders } from "./check-images.ts";
import type { Trainer } from "./trainer.ts";

/** What came out of a run that has come to its end. */
export async function resultOf(
  run: RunDirectory,
  recipe: Recipe,
  prepared: PreparedRun,
  { best, seconds, skipped }: Trainer,
  { validation, test }: Loaders,
  ranks: Ranks,
): Promise<TrainResult> {
  const { data, info, plan, methods } = prepared;
  const scores = await scoreModels(run, recipe, prepared, best, test, ranks);
  const left = {
    train: await joined(ranks, skipped),
    validation: await joined(ranks, validation?.skipped ?? new Map()),
    test: await joined(ranks, test.skipped),
  };
  const found = methods.found();
  return {
    runDirectory: run.path,
    recipe,
    parameters: info.parameters,
    sites: info.sites,
    epochs: plan.epochs,
    stepsPerEpoch: plan.stepsPerEpoch,
    steps: plan.totalSteps,
    phases: methods.phases,
    seconds,
    ...(ranks.backend !== null && { ranks: { size: ranks.size, backend: ranks.backend } }),
    testImages: test.samplesPerEpoch - left.test.size,
    skipped: skippedOf({
      train: left.train,
      ...(validation && validation !== test && { validation: left.validation }),
      test: left.test,
    }),
    metric: data.task.metric,
    ...scores,
    ...(Object.keys(found).length > 0 && { found }),
    ...(best === null && {
      whyNoBest: whyNoBest({ plan, methods, hasValidation: data.validation !== null }),
    }),
  };
}

/** Scores the last and the best model on the test part, and breaks down the scores that count. */
async function scoreModels(
  run: RunDirectory,
  { device }: Recipe,
  { data, plan, model }: PreparedRun,
  best: Best | null,
  loader: BatchLoader,
  ranks: Ranks,
): Promise<Pick<TrainResult, "last" | "best" | "breakdown">> {
  const { task } = data;
  const answers = task.startAnswers?.();
  const countingScores = () => evaluate(model, loader, { task, device, ranks, answers });
  const nameOf = (index: number) => nameSample(data.test, index, "test");
  try {
    const isLast = best === null || best.step === plan.totalSteps;
    const last = isLast ? await countingScores() : await evaluate(model, loader, { task, device, ranks });
    if (!isLast) {
      if (ranks.rank === 0) loadWeights(weightFiles(run).best, model);
      await ranks.takeFirst([...model.stateDict().values()]);
    }
    const chosen = isLast ? last : await countingScores();
    return {
      last: { epoch: plan.epochs, test: last },
      best: best && {
        epoch: best.epoch,
        validationScore: best.score,
        validationLoss: best.loss,
        test: chosen,
      },
      ...(answers &&
        (ranks.size === 1 || answers.share) && { breakdown: shortened(answers.breakDown(nameOf)) }),
    };
  } finally {
    answers?.dispose();
  }
}
