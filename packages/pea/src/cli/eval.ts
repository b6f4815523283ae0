import { PeaError } from "@pea/core";
import type { BatchLoader } from "../data/loading/loader.ts";
import { listSkippedParts, skippedOf } from "../data/loading/unreadable-images.ts";
import { type DataPart, nameSample } from "../data/parts/part.ts";
import type { PartChanges } from "../data/parts/part-changes.ts";
import type { EvaluationView } from "../methods/methods.ts";
import type { Circumstances } from "../recipe/recipe-identity.ts";
import { namesOfTrainedOn, refuseTrainedOn, tellChanges } from "../run/changed-data.ts";
import { evaluationLoader } from "../run/loaders.ts";
import { disposeRun } from "../run/prepare-run.ts";
import { reasonForNoBest } from "../run/result.ts";
import { type CheckpointName, openScoredRun, type ScoredRun } from "../run/trained-run.ts";
import type { Breakdown } from "../tasks/breakdown.ts";
import { breakdownTables } from "../tasks/breakdown-tables.ts";
import type { Scores, Task, TaskEvaluation, Told } from "../tasks/task.ts";
import { plainEvaluation } from "../tasks/task-evaluation.ts";
import { createCounter } from "../terminal/counter.ts";
import { type CommonOptions, formatTable, log, openingReporter, printResult } from "../terminal/output.ts";
import { describeSkippedSample } from "../terminal/progress.ts";

interface EvalOptions extends CommonOptions, Circumstances {
  allowChangedData?: boolean;
  checkpoint?: CheckpointName;
  part: "test" | "validation" | "unlabelled";
  output?: string;
}

/** `pea eval`: scores a model of a run, in each view its methods have at that step. */
export async function runEval(path: string, options: EvalOptions): Promise<void> {
  const trained = await openScoredRun(path, options.part, {
    checkpoint: options.checkpoint,
    dataDir: options.dataDir,
    import: options.import,
    onBadSample: options.onBadSample,
    onOpening: openingReporter(),
  });
  try {
    await printScores(path, trained, options);
  } finally {
    disposeRun(trained);
  }
}

async function printScores(path: string, trained: ScoredRun, options: EvalOptions): Promise<void> {
  const { data, device, checkpoint, step, epoch, totalSteps } = trained;
  const { part, output } = options;
  data.onSkip = (sample) => log(describeSkippedSample(sample));
  const dataset = partOf(path, trained, options);
  const changes = checkChanges(path, trained, options);
  const loader = evaluationLoader(dataset, data, device);
  const evaluation = evaluationOf(data.task);
  const { scores, breakdown } = await scoreViews(trained, dataset, loader, options);
  const images = loader.samplesPerEpoch - loader.skipped.size;
  // Asked for by name, the last model is not what was left.
  const isLeft = checkpoint === "last" && options.checkpoint === undefined;
  const whyNoBest = isLeft ? reasonForNoBest(trained.run) : undefined;
  const document = {
    run: path,
    checkpoint,
    whyNoBest,
    step,
    epoch,
    part,
    images,
    skipped: skippedOf({ [part]: loader.skipped }),
    ...scores,
    ...(evaluation.givesMaps && { output }),
    breakdown,
    dataChanges: changes && { ...changes, trainedOn: namesOfTrainedOn(changes, data) },
  };
  printResult(options, document, () =>
    [
      `${checkpoint} model of ${path}, step ${step} of ${totalSteps} (epoch ${epoch}), ${images} ${part} images`,
      ...(whyNoBest === undefined ? [] : [`there is no best model: ${whyNoBest}`]),
      ...evaluation.describe(scores, data.inputShape).map(inWords),
      ...(breakdown === undefined ? [] : describeBreakdown(breakdown, evaluation)),
      ...(document.skipped ? ["", ...listSkippedParts(document.skipped)] : []),
      ...(output === undefined ? [] : [`label maps and overlays: ${output}`]),
    ].join("\n"),
  );
}

interface AllScores {
  /** By what documents call them, then by view. */
  scores: Record<string, Record<EvaluationView, Scores>>;
  /** Of the deployed network. */
  breakdown?: Breakdown;
}

/** Scores the network in each view. */
async function scoreViews(
  { data, model, methods, device }: ScoredRun,
  dataset: DataPart,
  loader: BatchLoader,
  { part, output }: EvalOptions,
): Promise<AllScores> {
  const { task } = data;
  const found: AllScores = { scores: { scores: {} } };
  // The last view is the network as it will be deployed.
  const deployed = methods.views.at(-1);
  const answers = task.startAnswers?.();
  try {
    for (const view of part === "unlabelled" ? methods.views.slice(-1) : methods.views) {
      methods.show(view);
      const counter = createCounter(loader.samplesPerEpoch);
      const ofView = await evaluationOf(task)
        .score(model, loader, dataset, {
          ...{ task, device, reading: data, onProgress: counter.update },
          ...(view === deployed && { answers, output }),
        })
        .finally(counter.stop);
      for (const [name, scores] of Object.entries(ofView))
        found.scores[name] = { ...found.scores[name], ...(scores && { [view]: scores }) };
    }
    if (part !== "unlabelled" && answers)
      found.breakdown = answers.breakDown((index) => nameSample(dataset, index, part));
    return found;
  } finally {
    answers?.dispose();
  }
}

const evaluationOf = ({ evaluation = plainEvaluation }: Task): TaskEvaluation => evaluation;

const inWords = (told: Told): string =>
  typeof told === "string" ? told : formatTable(told.columns, told.rows);

/** The tables of a breakdown, but for what is told already. */
function describeBreakdown(breakdown: Breakdown, { tellsClasses }: TaskEvaluation): string[] {
  const tables = breakdownTables(breakdown, { classes: !tellsClasses });
  return tables.flatMap(({ title, columns, rows }) => ["", title, formatTable(columns, rows)]);
}

/** Tells how the data have changed since the run began; null where that is not known. */
function checkChanges(
  path: string,
  { record, data }: ScoredRun,
  { part, allowChangedData }: EvalOptions,
): PartChanges | null {
  const changes = tellChanges(path, record, data, { onNote: log });
  if (changes && !allowChangedData && part !== "unlabelled")
    refuseTrainedOn(path, changes, data, data[part] === data.test ? "test" : part);
  return changes;
}

/** The part asked for. */
function partOf(path: string, { data }: ScoredRun, { part, output }: EvalOptions): DataPart {
  if (output !== undefined && !evaluationOf(data.task).givesMaps)
    throw usage(
      `${path} gives one class per image: there are no label maps to write; leave --output out, or see pea predict`,
    );
  const dataset = data[part];
  if (dataset) {
    if (part === "unlabelled" && output === undefined)
      throw usage("images without labels have no scores; say with --output where label maps go");
    return dataset;
  }
  throw usage(
    part === "validation"
      ? `${path} was trained with valFraction 0: it has no validation part; take --part test`
      : `the data of ${path} have no images without labels; take --part test`,
  );
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
