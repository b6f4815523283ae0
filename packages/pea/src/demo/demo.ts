/**
 * The demo: the same network trained with ReLU and with PEA, exported, verified and compared.
 * @module
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomically } from "@pea/torch";
import { type Comparison, compareVariants } from "../compare/compare.ts";
import { type ExportSummary, exportRun } from "../export/export.ts";
import { type Latency, measureLatency } from "../export/onnx/session.ts";
import { describeActivations } from "../export/other-activations.ts";
import { variantName } from "../recipe/method-keys.ts";
import { type RecipeInput, resolveRecipe } from "../recipe/recipe.ts";
import { verdict } from "../report/comparison.ts";
import { writeReport } from "../report/report.ts";
import type { TrainResult } from "../run/result.ts";
import { openRunDirectory } from "../run/run-directory.ts";
import { readRecipe } from "../run/trained-run.ts";
import { mainScore } from "../tasks/task.ts";
import { resumeTraining, type TrainOptions, train } from "../train/train.ts";

/** How much the demo trains. */
export interface DemoScale {
  /** Also the name of the runs' folder. */
  name: string;
  seeds: readonly number[];
  /** What is set besides the shared settings. */
  recipe: RecipeInput & { epochs: number };
}

/** Fits into six minutes on two cores. */
export const quickScale: DemoScale = { name: "quick", seeds: [0], recipe: { epochs: 5 } };
export const fullScale: DemoScale = { name: "full", seeds: [0, 1, 2], recipe: { epochs: 10 } };

/**
 * What both runs share. The learning rate and batch size are those of the reference measurement on this network; the
 * best model is chosen from the last quarter of the run in both, so that neither has more to choose from.
 */
const shared: RecipeInput = {
  model: "mobilenet-0.25-small",
  data: "fashion-mnist",
  lr: 0.2,
  batchSize: 256,
  lrSchedule: "cosine",
  selectFrom: "75%",
};

const methods: readonly RecipeInput[] = [{ pea: "none" }, { pea: "SM75%" }];

/** One trained, exported and timed network. */
export interface DemoRun {
  variant: string;
  seed: number;
  /** Top-1 on the test images in percent, of the model chosen on the validation images. */
  testAccuracy: number;
  trainingSeconds: number;
  export: ExportSummary;
  /** One image in ONNX Runtime. */
  latency: { oneThread: Latency; allThreads: Latency };
}

/** Contents of `summary.json`. */
export interface DemoSummary {
  scale: DemoScale;
  /** What the runs share. */
  settings: RecipeInput;
  runs: DemoRun[];
  comparison: Comparison;
  verdict: string;
  report: string;
}

export interface DemoOptions {
  scale: DemoScale;
  /** Folder for runs, report and summary. */
  directory: string;
  /** Told of each step of the demo. */
  log: (line: string) => void;
  signal?: AbortSignal;
  observe?: TrainOptions["observe"];
}

/**
 * Runs the demo. What an interrupted demo has trained is kept: called again, it goes on where it stopped.
 * @throws TrainingInterrupted when stopped by `signal`
 */
export async function runDemo(options: DemoOptions): Promise<DemoSummary> {
  const { scale, directory, log } = options;
  const runs: DemoRun[] = [];
  for (const seed of scale.seeds) {
    for (const method of methods) {
      const recipe = { ...shared, ...scale.recipe, ...method, seed };
      log(`${nameOf(recipe)}, seed ${seed}`);
      const result = await trainOrResume(recipe, options);
      runs.push(await deploy(result, log));
    }
  }
  const [comparison] = compareVariants(runs.map((run) => ({ ...run, testScore: run.testAccuracy }))) as [
    Comparison,
  ];
  const report = join(directory, "report.html");
  await writeReport(
    runs.map((run) => run.export.runDirectory),
    report,
  );
  const summary = {
    scale,
    settings: { ...shared, ...scale.recipe },
    runs,
    comparison,
    verdict: verdict(comparison),
    report,
  };
  writeFileAtomically(join(directory, "summary.json"), [
    Buffer.from(`${JSON.stringify(summary, null, 2)}\n`),
  ]);
  return summary;
}

/** Trains, unless the run is there already with the same recipe: then goes on with it, which may mean nothing to do. */
async function trainOrResume(
  recipe: RecipeInput,
  { scale, directory, signal, observe }: DemoOptions,
): Promise<TrainResult> {
  const name = `${nameOf(recipe).toLowerCase().replace("%", "pct")}-seed${recipe.seed}`;
  const runDirectory = join(directory, scale.name, name);
  const isThere = existsSync(join(runDirectory, "config.yaml"));
  if (isThere && isSameRecipe(runDirectory, recipe)) return resumeTraining(runDirectory, { signal, observe });
  return train(recipe, { runDirectory, overwrite: isThere, signal, observe });
}

function isSameRecipe(runDirectory: string, recipe: RecipeInput): boolean {
  const wanted = resolveRecipe({ source: "the demo", settings: recipe });
  return JSON.stringify(readRecipe(openRunDirectory(runDirectory))) === JSON.stringify(wanted);
}

async function deploy({ runDirectory, recipe, best, last, seconds }: TrainResult, log: DemoOptions["log"]) {
  const exported = await exportRun(runDirectory);
  log(
    `${exported.file}: ${describeActivations(exported.otherActivations)}; ${exported.images} test images agree with ` +
      `libtorch within ${exported.largestDifference.toExponential(1)}`,
  );
  const oneThread = await measureLatency(exported.file, exported.inputShape, { threads: 1 });
  const allThreads = await measureLatency(exported.file, exported.inputShape);
  return {
    variant: variantName(recipe),
    seed: recipe.seed,
    testAccuracy: mainScore((best ?? last).test),
    trainingSeconds: seconds,
    export: exported,
    latency: { oneThread, allThreads },
  };
}

function nameOf(recipe: RecipeInput): string {
  return variantName(resolveRecipe({ source: "the demo", settings: recipe }));
}
