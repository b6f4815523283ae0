/**
 * Trains ReLU networks with Progressive Ensemble Activations.
 *
 * @example
 * import { train } from "pea-train";
 * const { best } = await train({ model: "mobilenet-0.25-small", pea: "SM75%", epochs: 10 });
 *
 * @module
 */
export { PeaError } from "@pea/core";
export * from "./activations/index.ts";
export { loadCifar10, loadCifar100 } from "./data/cifar.ts";
export { openCityscapes } from "./data/cityscapes/open-cityscapes.ts";
export { splitDataset } from "./data/cut-parts.ts";
export type { Dataset, DatasetParts } from "./data/dataset.ts";
export { type FashionMnist, loadFashionMnist } from "./data/fashion-mnist.ts";
export { loadIdxFolder } from "./data/idx-folder.ts";
export type { Label, LabelTable } from "./data/label-table.ts";
export {
  type Batch,
  type BatchLoader,
  Loader,
  type LoaderOptions,
} from "./data/loader.ts";
export { openStreamed, type StreamedParts } from "./data/open-streamed.ts";
export { openImageFolder } from "./data/sources/image-folder.ts";
export type { SampleSource } from "./data/sources/sample-source.ts";
export { openTfRecords } from "./data/sources/tfrecord-images.ts";
export { openWebDataset } from "./data/sources/webdataset.ts";
export { imagenetStatistics, type PixelStatistics, pixelStatistics } from "./data/statistics.ts";
export { DecodePool } from "./data/streaming/decode-pool.ts";
export { StreamingLoader, type StreamingLoaderOptions } from "./data/streaming/streaming-loader.ts";
export {
  type SkippedImages,
  type SkippedParts,
  type SkippedSample,
  UnreadableImagesError,
} from "./data/unreadable-images.ts";
export {
  type ExportedNetwork,
  type ExportOptions,
  type ExportSummary,
  exportNetwork,
  exportRun,
} from "./deploy/export.ts";
export * from "./diagnose/index.ts";
export * from "./methods/index.ts";
export { importFile } from "./models/import-file.ts";
export * from "./models/index.ts";
export { findImages } from "./predict/image-files.ts";
export type { NetworkInput } from "./predict/network-input.ts";
export {
  type ImagePrediction,
  type ImageSegmentation,
  type PredictOptions,
  predict,
  type RankedClass,
  segment,
} from "./predict/predict.ts";
export { openPredictor, type Predictor } from "./predict/predictor.ts";
export { type ReportSummary, writeReport } from "./report/report.ts";
export type { Verdict } from "./report/verdict.ts";
export { type MakeScenesOptions, makeScenes } from "./scenes/make-scenes.ts";
export { evaluateSegmentation, type SegmentationScores } from "./segmentation/evaluate-segmentation.ts";
export { type Recipe, type RecipeInput, resolveRecipe } from "./train/config.ts";
export { evaluate } from "./train/evaluate.ts";
export { disposeRun, evaluationLoader, type PreparedRun } from "./train/prepare.ts";
export type {
  Breakdown,
  ClassificationBreakdown,
  SegmentationBreakdown,
} from "./train/tasks/breakdown.ts";
export { type MetricName, mainScore, type Scores, type Task } from "./train/tasks/task.ts";
export { resumeTraining, type TrainOptions, type TrainResult, train } from "./train/train.ts";
export { type CheckpointName, openTrainedRun, type TrainedRun } from "./train/trained-run.ts";
export { TrainingDiverged, TrainingInterrupted, type TrainingObserver } from "./train/trainer.ts";
