/**
 * From a run directory to a verified file in one of the forms of `targets.ts`.
 * @module
 */
import { basename, join } from "node:path";
import { PeaError } from "@pea/core";
import { clone, keep, type Module, type Tensor } from "@pea/torch";
import { resumeCommand } from "../common/shown-command.ts";
import type { StopRequest } from "../common/stop-request.ts";
import type { BatchLoader } from "../data/loading/loader.ts";
import { type SkippedParts, skippedOf } from "../data/loading/unreadable-images.ts";
import { drawPart } from "../data/parts/draw-part.ts";
import { disposePart } from "../data/parts/part.ts";
import type { Circumstances } from "../recipe/recipe-identity.ts";
import { evaluationLoader } from "../run/loaders.ts";
import { disposeData, openData, openTestData } from "../run/open-data.ts";
import { requireNoFileOfRun } from "../run/own-files.ts";
import { noteExported } from "../run/run-directory.ts";
import { type CheckpointName, openTrainedNetwork, type TrainedNetwork } from "../run/trained-run.ts";
import { compareScores } from "./compare-scores.ts";
import { describeNetwork } from "./describe-network.ts";
import { checkedTarget, type ExportedFile, type ExportForm } from "./export-form.ts";
import { requireGoingOn } from "./export-interrupted.ts";
import { noteIntegers } from "./integer-record.ts";
import type { Verification } from "./onnx/verify.ts";
import { requireFolder } from "./require-deployable.ts";
import { type IntegerTarget, isIntegerTarget } from "./target.ts";
import { type WriteOptions, writeFloats } from "./write-floats.ts";
import { writeIntegers } from "./write-integers.ts";

export interface ExportOptions extends Circumstances, ExportForm {
  /** The best model of the final phase or the last one; by default the best where there is one. */
  checkpoint?: CheckpointName;
  /** The file to write, or the folder; by default `model.onnx`, or what the target calls it, in the run directory. */
  out?: string;
  /** In integers: training images that ranges are taken from; 1000 by default, or all where there are fewer. */
  calibrationImages?: number;
  /** In integers: test images that floats and integers are scored on; all by default. */
  images?: number;
  /** In integers: points of the task's metric that may be lost; 0.5 by default. */
  maxLoss?: number;
  /** Told of the images done so far, where it takes long. */
  onProgress?: (what: "calibration" | "test", done: number, total: number) => void;
  /** Stops the export between two images. */
  signal?: StopRequest;
}

/** An ONNX file that was written and verified. */
export type ExportedNetwork = ExportedFile & Verification;

/** The run that a file is of. */
export interface ExportedRun {
  runDirectory: string;
  checkpoint: CheckpointName;
  /** Weight updates done to the exported weights, and the epoch of the last of them. */
  step: number;
  epoch: number;
  /** Channels, height and width of one image. */
  inputShape: readonly number[];
  /** Test images that could not be read and were left out; where there was none, missing. */
  skipped?: SkippedParts;
}

export type ExportSummary = ExportedRun & ExportedNetwork;

/** So many have the ranges of all, but for a few outliers, and take no longer than an evaluation. */
const usualCalibrationImages = 1000;

/** Without another target than ONNX. */
type AsOnnx = { target?: "onnx" };

/**
 * Writes the deployed network of a run, as ONNX or in the form of another target, and verifies it on test images. The file
 * appears only when it has passed; a file that was there before is then replaced in one step.
 *
 * @throws PeaError when the network still has a smooth activation, when it holds an operator without a form
 *   there, or when ONNX Runtime computes something else than libtorch (see `verifyOnnx`); ExportInterrupted when stopped by `signal`
 */
export async function exportRun(
  runDirectory: string,
  options?: Omit<ExportOptions, "target"> & AsOnnx,
): Promise<ExportSummary>;
export async function exportRun(
  runDirectory: string,
  options: ExportOptions,
): Promise<ExportedRun & ExportedFile>;
export async function exportRun(
  runDirectory: string,
  options: ExportOptions = {},
): Promise<ExportedRun & ExportedFile> {
  const { checkpoint: wanted, dataDir, import: imported, onBadSample, out, ...form } = options;
  const today = { checkpoint: wanted, dataDir, import: imported, onBadSample };
  const trained = await openTrainedNetwork(runDirectory, today);
  try {
    const { checkpoint, step, epoch, facts, run, methods, model } = trained;
    refuseObstacle(trained);
    const target = await checkedTarget(form);
    const file = out ?? join(run.path, target.file);
    requireFolder(file);
    if (out === undefined) noteExported(run, basename(file));
    else requireNoFileOfRun(out);
    methods.deploy();
    model.to({ device: "cpu" });
    const metadata = describeNetwork(trained, form.layout);
    const exported = isIntegerTarget(target)
      ? await exportIntegers(trained, file, target, { ...form, metadata })
      : await exportFloats(trained, file, { ...form, metadata });
    if (out === undefined) noteIntegers(run, exported);
    return { runDirectory, checkpoint, step, epoch, inputShape: facts.inputShape, ...exported };
  } finally {
    trained.methods.dispose();
    trained.model.dispose();
  }
}

/**
 * Writes a network with ReLU at every site, on the CPU in float32, as ONNX or in the form of another target, and verifies
 * it. The file appears only when it has passed.
 *
 * @param options.inputs some of what the network is fed with, [count, ...]: the file's input has the shape of one of them
 * @param options.metadata facts to keep in the file, by name
 * @throws PeaError as `exportRun`; of kind usage where a module is another activation or an ensemble below α = 1
 */
export async function exportNetwork(
  model: Module,
  file: string,
  options: Omit<NetworkOptions, "target"> & AsOnnx,
): Promise<ExportedNetwork>;
export async function exportNetwork(
  model: Module,
  file: string,
  options: NetworkOptions,
): Promise<ExportedFile>;
export async function exportNetwork(
  model: Module,
  file: string,
  { trainingImages, ...options }: NetworkOptions,
): Promise<ExportedFile> {
  const target = await checkedTarget(options);
  if (!isIntegerTarget(target)) return writeFloats(model, file, target, options);
  if (trainingImages === undefined)
    throw new PeaError(
      `${target.title} wants training images, which the ranges of its integers are taken from: give some as trainingImages`,
      { kind: "usage" },
    );
  return writeIntegers(model, file, target, { ...options, trainingImages: () => [trainingImages] });
}

/** What `exportNetwork` takes beside the form. */
export interface NetworkOptions extends ExportForm {
  inputs: Tensor;
  metadata?: Readonly<Record<string, string>>;
  /** For targets that compute in integers: what ranges are taken from, [count, ...], standardized. */
  trainingImages?: Tensor;
}

/** Floats are compared on some images of the test part. */
async function exportFloats(
  { model, recipe, record }: TrainedNetwork,
  file: string,
  {
    signal,
    ...form
  }: ExportForm & Pick<ExportOptions, "signal"> & { metadata: Readonly<Record<string, string>> },
) {
  const data = await openTestData(recipe, { record });
  try {
    const test = evaluationLoader(data.test, data, "cpu");
    using inputs = await firstImages(test);
    requireGoingOn(signal);
    const summary = await exportNetwork(model, file, { ...form, inputs });
    return { ...summary, skipped: skippedOf({ test: test.skipped }) };
  } finally {
    disposeData(data);
  }
}

/** The first batch of a loader, to be disposed of. */
async function firstImages(loader: BatchLoader): Promise<Tensor> {
  for await (const { images } of loader.batches()) return keep(clone(images));
  throw new PeaError("there is no test image that can be read, to verify the network on");
}

async function* imagesOf(loader: BatchLoader): AsyncGenerator<Tensor> {
  for await (const { images } of loader.batches()) yield images;
}

/** Integers are found by images of the training part, and scored on the test part. */
async function exportIntegers(
  { model, methods, recipe, record }: TrainedNetwork,
  file: string,
  target: IntegerTarget,
  {
    calibrationImages = usualCalibrationImages,
    images,
    onProgress,
    signal,
    ...form
  }: Omit<ExportOptions, "target"> & Pick<WriteOptions, "metadata">,
) {
  const data = await openData(recipe, { record });
  const training = drawPart(data.train, {
    count: calibrationImages,
    seed: recipe.seed,
  });
  const scored = drawPart(data.test, { count: images, seed: recipe.seed });
  const told = (what: "calibration" | "test", total: number) => (done: number) => {
    requireGoingOn(signal);
    onProgress?.(what, done, total);
  };
  try {
    const train = evaluationLoader(training, data, "cpu");
    const test = evaluationLoader(scored, data, "cpu");
    using inputs = await firstImages(test);
    const summary = await writeIntegers(model, file, target, {
      ...form,
      inputs,
      trainingImages: () => imagesOf(train),
      // Whoever says how to calibrate wants it done.
      ...(form.calibration === undefined && { trained: methods.trainedIntegers }),
      onCalibration: told("calibration", train.samplesPerEpoch),
      isOfSome: scored !== data.test,
      score: (session) =>
        compareScores(model, session, test, {
          task: data.task,
          onProgress: told("test", test.samplesPerEpoch),
        }),
    });
    return { ...summary, skipped: skippedOf({ train: train.skipped, test: test.skipped }) };
  } finally {
    for (const part of [training, scored]) if (part !== data.train && part !== data.test) disposePart(part);
    disposeData(data);
  }
}

function refuseObstacle({ methods, facts, run, step, epoch }: TrainedNetwork): void {
  const { obstacle } = methods;
  if (obstacle === null) return;
  const { why, endStep } = obstacle;
  throw new PeaError(
    endStep === undefined
      ? why
      : `after step ${step} of ${facts.totalSteps} (epoch ${epoch}) ${why}, up to step ${endStep}. ` +
          `Train on with: ${resumeCommand(run.path)}`,
    { kind: "usage" },
  );
}
