/**
 * Trains ReLU networks with Progressive Ensemble Activations.
 *
 * @example
 * import { train } from "pea";
 * const { best } = await train({ model: "mobilenet-0.25-small", pea: "SM75%", epochs: 10 });
 *
 * @module
 */
export { PeaError } from "@pea/core";
export type { Dataset } from "./data/dataset.ts";
export { type FashionMnist, loadFashionMnist } from "./data/fashion-mnist.ts";
export { type Batch, Loader, type LoaderOptions } from "./data/loader.ts";
export { type Split, splitDataset } from "./data/split.ts";
export { type PixelStatistics, pixelStatistics } from "./data/statistics.ts";
export { type ExportOptions, type ExportSummary, exportRun } from "./deploy/export.ts";
export * from "./methods/index.ts";
export * from "./models/index.ts";
export { writeReport } from "./report/report.ts";
export { type Recipe, type RecipeInput, resolveRecipe } from "./train/config.ts";
export { evaluate } from "./train/evaluate.ts";
export { disposeRun, type PreparedRun } from "./train/prepare.ts";
export type { Scores } from "./train/score-sums.ts";
export { resumeTraining, type TrainOptions, type TrainResult, train } from "./train/train.ts";
export { type CheckpointName, openTrainedRun, type TrainedRun } from "./train/trained-run.ts";
export { TrainingInterrupted, type TrainingObserver } from "./train/trainer.ts";
