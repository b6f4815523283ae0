/**
 * From a run directory to a verified file in one of the forms of `targets.ts`.
 * @module
 */
import { existsSync } from "node:fs";
import { rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { PeaError } from "@pea/core";
import { fixBatch, foldBatchNorms, type Graph } from "@pea/graph";
import { type Module, ReLU, ReLU6, type Tensor } from "@pea/torch";
import { isActivation } from "../activations/activation-modules.ts";
import { isPassing } from "../activations/passing-activation.ts";
import { resumeCommand } from "../common/shown-command.ts";
import { type SkippedParts, skippedOf } from "../data/loading/unreadable-images.ts";
import { describeInput } from "../images/network-input.ts";
import { variantName } from "../recipe/method-keys.ts";
import { evaluationCrop } from "../recipe/recipe.ts";
import type { Circumstances } from "../recipe/recipe-identity.ts";
import { evaluationLoader } from "../run/loaders.ts";
import { disposeData, openTestData } from "../run/open-data.ts";
import { currentEnvironment, noteExported, readRunConfig } from "../run/run-directory.ts";
import { type CheckpointName, openTrainedNetwork, type TrainedNetwork } from "../run/trained-run.ts";
import { traceNetwork } from "../trace/trace.ts";
import { exportObstacleOf } from "./export-obstacle.ts";
import { countOperators } from "./onnx/decode.ts";
import { onnxTarget } from "./onnx/onnx-target.ts";
import type { Verification } from "./onnx/verify.ts";
import { type OtherActivation, otherActivationsOf } from "./other-activations.ts";
import type { Target } from "./target.ts";
import { targetNamed } from "./targets.ts";

/** In which form a network is written. */
export interface ExportForm {
  /** `onnx` by default, or a name of `registerTarget`. */
  target?: string;
  /** Images that the file takes at a time; by default their number is open. */
  batch?: number;
  /** Version of ONNX's operators, 11 to 17; 17 by default. */
  opset?: number;
  /** Make batch normalization a part of the weights before it; by default it stays, and all weights keep their keys. */
  foldBatchNorm?: boolean;
}

export interface ExportOptions extends Circumstances, ExportForm {
  /** The best model of the final phase or the last one; by default the best where there is one. */
  checkpoint?: CheckpointName;
  /** The file to write; by default `model.onnx`, or what the target calls it, in the run directory. */
  out?: string;
}

/** A file that was written and verified. */
export interface ExportedFile {
  target: string;
  file: string;
  bytes: number;
  /** Nodes by operator. */
  operators: Record<string, number>;
  /** Clips, slopes, gates and normalizations; none where ReLU is the only activation. */
  otherActivations: readonly OtherActivation[];
  /** What was proven, in words. */
  verified: readonly string[];
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

/** Without another target than ONNX. */
type AsOnnx = { target?: "onnx" };

/**
 * Writes the deployed network of a run, as ONNX or in the form of another target, and verifies it on test images. The file
 * appears only when it has passed; a file that was there before is then replaced in one step.
 *
 * @throws PeaError when the network still has a smooth activation, when it holds an operator without a form
 *   there, or when ONNX Runtime computes something else than libtorch (see `verifyOnnx`)
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
  { out, target, batch, opset, foldBatchNorm, ...options }: ExportOptions = {},
): Promise<ExportedRun & ExportedFile> {
  const trained = await openTrainedNetwork(runDirectory, options);
  try {
    const { checkpoint, step, epoch, facts, run } = trained;
    refuseObstacle(trained);
    const file = out ?? join(run.path, targetOf({ target, opset }).file);
    requireFolder(file);
    if (out === undefined) noteExported(run, basename(file));
    return {
      runDirectory,
      checkpoint,
      step,
      epoch,
      inputShape: facts.inputShape,
      ...(await deploy(trained, file, { target, batch, opset, foldBatchNorm })),
    };
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
  { inputs, metadata = {}, opset, ...form }: NetworkOptions,
): Promise<ExportedFile> {
  const target = targetOf({ ...form, opset });
  requireFolder(file);
  requireNoSmoothModule(model);
  const graph = inForm(traceNetwork(model, inputs.shape.slice(1)).graph, form);
  const obstacle = exportObstacleOf(graph, target);
  if (obstacle !== null) throw new PeaError(obstacle);
  const content = target.write(graph, { producerVersion: currentEnvironment().pea, metadata, opset });
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const proof = await writeVerified(file, bytes, (path) => target.verify(path, { graph, model, inputs }));
  return {
    target: target.name,
    file,
    bytes: bytes.length,
    operators: countOperators(graph),
    otherActivations: otherActivationsOf(graph),
    ...proof,
    verified: target.describe(proof),
  };
}

/** What `exportNetwork` takes beside the form. */
export interface NetworkOptions extends ExportForm {
  inputs: Tensor;
  metadata?: Readonly<Record<string, string>>;
}

function inForm(graph: Graph, { batch, foldBatchNorm = false }: ExportForm): Graph {
  const folded = foldBatchNorm ? foldBatchNorms(graph) : graph;
  return batch === undefined ? folded : fixBatch(folded, batch);
}

/** @throws PeaError of kind usage for an unknown target, and an opset that it has not */
function targetOf({ target: name = onnxTarget.name, opset }: ExportForm): Target {
  const target = targetNamed(name);
  const { title, opsets } = target;
  if (opset === undefined || opsets?.includes(opset)) return target;
  const known = opsets && `must be one of ${opsets.join(", ")} for ${title}`;
  throw new PeaError(`opset is ${opset}, but ${known ?? `${title} has none; leave it out`}`, {
    kind: "usage",
  });
}

async function deploy(trained: TrainedNetwork, file: string, form: ExportForm) {
  const { model, methods, recipe, record } = trained;
  methods.deploy();
  model.to({ device: "cpu" });
  const data = await openTestData(recipe, { record });
  try {
    const test = evaluationLoader(data.test, data, "cpu");
    for await (const { images } of test.batches())
      return {
        ...(await exportNetwork(model, file, { ...form, inputs: images, metadata: describe(trained) })),
        skipped: skippedOf({ test: test.skipped }),
      };
    throw new PeaError("there is no test image that can be read, to verify the network on");
  } finally {
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

/** Sites have ReLU, or stay straight pieces as ReLU6; what else a network computes, its graph shows. */
function requireNoSmoothModule(model: Module): void {
  const refuse = (path: string, what: string) => {
    throw new PeaError(`${path} is ${what}: a deployed network has ReLU in its place`, {
      kind: "usage",
    });
  };
  for (const [path, module] of model.namedModules()) {
    if (isPassing(module)) {
      if (module.unfinished !== null) refuse(path, module.unfinished);
    } else if (isActivation(module) && !isStraight(module)) refuse(path, module.constructor.name);
  }
}

const isStraight = (module: Module): boolean => module instanceof ReLU || module instanceof ReLU6;

/** What a user of the file needs to know: how to prepare images, what the outputs mean, where the file comes from. */
function describe({ run, recipe, facts, checkpoint, epoch }: TrainedNetwork): Record<string, string> {
  const { environment } = readRunConfig(run);
  const { inputShape, statistics, classes, labels } = facts;
  return {
    network: recipe.model,
    method: variantName(recipe),
    alpha: "1",
    preprocessing: JSON.stringify(
      describeInput({
        shape: inputShape,
        crop: evaluationCrop(recipe),
        exifOrientation: recipe.exifOrientation,
        ...statistics,
      }),
    ),
    classes: JSON.stringify(classes),
    ...(labels && { labels: JSON.stringify(labels) }),
    training: JSON.stringify({ data: recipe.data, seed: recipe.seed, checkpoint, epoch }),
    versions: JSON.stringify(environment),
  };
}

/** Before the network is traced and data are opened: both take a while. */
function requireFolder(file: string): void {
  if (!existsSync(dirname(file)))
    throw new PeaError(`cannot write ${file}: there is no folder ${dirname(file)}`, { kind: "usage" });
}

/** Writes beside `file`, and renames once `verify` has passed: what lies under the name was verified. */
async function writeVerified<T>(
  file: string,
  bytes: Uint8Array,
  verify: (path: string) => Promise<T>,
): Promise<T> {
  const unverified = `${file}.${process.pid}.unverified`;
  const cannotWrite = (error: Error) => {
    throw new PeaError(`cannot write ${file}: ${error.message}`, { cause: error });
  };
  const failed = (error: Error) => {
    const reason = error.message.replaceAll(unverified, "the new file");
    throw new PeaError(`${file} is not written, for it failed its verification: ${reason}`, { cause: error });
  };
  try {
    await writeFile(unverified, bytes, { flush: true }).catch(cannotWrite);
    const verification = await verify(unverified).catch(failed);
    await rename(unverified, file).catch(cannotWrite);
    return verification;
  } finally {
    await rm(unverified, { force: true });
  }
}
