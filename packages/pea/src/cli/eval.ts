import { PeaError } from "@pea/core";
import type { EvaluationView } from "../methods/method.ts";
import { evaluate } from "../train/evaluate.ts";
import { disposeRun, evaluationLoader } from "../train/prepare.ts";
import { describeSkip } from "../train/progress.ts";
import { describeScores, type Scores } from "../train/tasks/task.ts";
import { type CheckpointName, openTrainedRun, type TrainedRun } from "../train/trained-run.ts";
import { type CommonOptions, log, printResult } from "./output.ts";

interface EvalOptions extends CommonOptions {
  checkpoint?: CheckpointName;
  dataDir?: string;
  part: "test" | "validation";
}

/** `pea eval`: scores a model of a run, in each view its method has at that step. */
export async function runEval(path: string, options: EvalOptions): Promise<void> {
  const trained = await openTrainedRun(path, options);
  try {
    await printScores(path, trained, options);
  } finally {
    disposeRun(trained);
  }
}

async function printScores(
  path: string,
  { data, model, method, recipe, checkpoint, step, epoch, plan }: TrainedRun,
  options: EvalOptions,
): Promise<void> {
  const dataset = data[options.part];
  if (dataset === null)
    throw new PeaError(
      `${path} was trained with valFraction 0: it has no validation part; take --part test`,
      {
        kind: "usage",
      },
    );
  data.onSkip = (sample) => log(describeSkip(sample));
  const loader = evaluationLoader(dataset, data, recipe.device);
  const scores: Partial<Record<EvaluationView, Scores>> = {};
  for (const view of method.views) {
    method.onEval(view);
    scores[view] = await evaluate(model, loader, { task: data.task, device: recipe.device });
  }
  const images = loader.samplesPerEpoch - loader.skipped.size;
  printResult(options, { run: path, checkpoint, step, epoch, part: options.part, images, scores }, () => {
    const lines = Object.entries(scores).map(
      ([view, one]) => `${view.padEnd(8)}  ${describeScores(one)}  loss ${one.loss.toFixed(4)}`,
    );
    return [
      `${checkpoint} model of ${path}, step ${step} of ${plan.totalSteps} (epoch ${epoch}), ${images} ${options.part} images`,
      ...lines,
    ].join("\n");
  });
}
