/**
 * Trains ReLU networks with Progressive Ensemble Activations.
 *
 * @example
 * import { train } from "pea-train";
 * const { best } = await train({ model: "mobilenet-0.25-small", pea: "SM75%", epochs: 10 });
 *
 * @module pea-train
 */
export { PeaError } from "@pea/core";
export { useKernels } from "@pea/kernels";
export * from "./activations/index.ts";
export { loadCifar10, loadCifar100 } from "./data/formats/cifar.ts";
export { openCityscapes } from "./data/formats/cityscapes/open-cityscapes.ts";
export { type FashionMnist, loadFashionMnist } from "./data/formats/fashion-mnist.ts";
export { loadIdxFolder } from "./data/formats/idx-folder.ts";
export { openImageFolder } from "./data/formats/image-folder.ts";
export { openTfRecords } from "./data/formats/tfrecord.ts";
export { openWebDataset } from "./data/formats/webdataset.ts";
export { DecodePool } from "./data/loading/decode-pool.ts";
export {
  type Batch,
  type BatchLoader,
  Loader,
  type LoaderOptions,
} from "./data/loading/loader.ts";
export { StreamingLoader, type StreamingLoaderOptions } from "./data/loading/streaming-loader.ts";
export {
  type SkippedImages,
  type SkippedParts,
  type SkippedSample,
  UnreadableImagesError,
} from "./data/loading/unreadable-images.ts";
export { splitDataset } from "./data/parts/cut-parts.ts";
export type { Dataset, DatasetParts } from "./data/parts/dataset.ts";
export type { DatasetDescriptor, OpenDatasetOptions, OpenedDataset } from "./data/sets/dataset-descriptor.ts";
export { type FoundDataset, openDataset } from "./data/sets/open-dataset.ts";
export { listDatasets, type RegisteredDataset, registerDataset } from "./data/sets/registry.ts";
export type { FolderView } from "./data/sources/folder-view.ts";
export type { SampleSource } from "./data/sources/sample-source.ts";
export * from "./diagnose/index.ts";
export { alone, ConnectedRanks, type Ranks } from "./distributed/ranks.ts";
export {
  allReduceCost,
  type Connection,
  type StepCost,
  type StepWork,
  stepCost,
} from "./distributed/step-cost.ts";
export {
  type ExportedNetwork,
  type ExportedRun,
  type ExportOptions,
  type ExportSummary,
  exportNetwork,
  exportRun,
  type NetworkOptions,
} from "./export/export.ts";
export type { ExportedFile, ExportForm } from "./export/export-form.ts";
export { ExportInterrupted } from "./export/export-interrupted.ts";
export { type Finding, inspectForTarget, type TargetInspection } from "./export/inspect-target.ts";
export type { IntegerForm, IntegerSummary } from "./export/integer-summary.ts";
export type { OperatorForm } from "./export/operator-forms.ts";
export type {
  About,
  ActivationEstimate,
  Content,
  Estimates,
  FloatTarget,
  IntegerTarget,
  Original,
  Placement,
  Target,
} from "./export/target.ts";
export { registerTarget } from "./export/targets.ts";
export { imagenetStatistics } from "./images/known-statistics.ts";
export type { Label, LabelTable } from "./images/label-table.ts";
export type { NetworkInput } from "./images/network-input.ts";
export { type PixelStatistics, pixelStatistics } from "./images/pixel-statistics.ts";
export { type DataFit, type FittedGraph, fitToData } from "./import/network/fit-to-data.ts";
export { drawWeights } from "./import/network/fresh-weights.ts";
export { GraphNetwork } from "./import/network/graph-network.ts";
export { registerModelFile } from "./import/network/model-file.ts";
export type { Findings } from "./import/onnx/findings.ts";
export { type ImportedGraph, type ImportOptions, importOnnx } from "./import/onnx/import-onnx.ts";
export { addBatchNorms } from "./import/onnx/passes/add-batch-norms.ts";
export type { FileFacts } from "./import/onnx/read-file.ts";
export * from "./methods/index.ts";
export * from "./models/index.ts";
export { findImages } from "./predict/image-files.ts";
export {
  type ImagePrediction,
  type ImageSegmentation,
  type PredictOptions,
  predict,
  type RankedClass,
  segment,
} from "./predict/predict.ts";
export { openPredictor, type Predictor } from "./predict/predictor.ts";
export { importFile } from "./recipe/import-file.ts";
export { type Recipe, type RecipeInput, resolveRecipe } from "./recipe/recipe.ts";
export { type ReportSummary, writeReport } from "./report/report.ts";
export type { Verdict } from "./report/verdict.ts";
export { evaluationLoader } from "./run/loaders.ts";
export { disposeRun, type PreparedRun } from "./run/prepare-run.ts";
export type { TrainResult } from "./run/result.ts";
export { type CheckpointName, openTrainedRun, type TrainedRun } from "./run/trained-run.ts";
export type { TrainingObserver } from "./run/training-observer.ts";
export { type MakeScenesOptions, makeScenes } from "./scenes/make-scenes.ts";
export type {
  Breakdown,
  ClassificationBreakdown,
  SegmentationBreakdown,
} from "./tasks/breakdown.ts";
export { classification } from "./tasks/classification/classification.ts";
export { evaluate } from "./tasks/evaluate.ts";
export { meanScores } from "./tasks/mean-scores.ts";
export { registerTask, type TaskDescriptor } from "./tasks/registry.ts";
export { evaluateSegmentation, type SegmentationScores } from "./tasks/segmentation/evaluate-segmentation.ts";
export { type MetricName, mainScore, type Scores, type Task } from "./tasks/task.ts";
export { type ModuleCall, type TracedNetwork, traceNetwork } from "./trace/trace.ts";
export { resumeTraining, type TrainOptions, train } from "./train/train.ts";
export { TrainingDiverged, TrainingInterrupted } from "./train/trainer.ts";
