/**
 * From a run directory to a verified ONNX file.
 * @module
 */
import { rename, rm, writeFile } from "node:fs/promises";
import { PeaError } from "@pea/core";
import { type Module, ReLU, type Tensor } from "@pea/torch";
import { isActivation } from "../activations/activation-modules.ts";
import { resumeCommand } from "../common/shown-command.ts";
import { type SkippedParts, skippedOf } from "../data/loading/unreadable-images.ts";
import { classLabels } from "../images/label-table.ts";
import { describeInput } from "../images/network-input.ts";
import { EnsembleActivation } from "../methods/pea/index.ts";
import { variantName } from "../recipe/method-keys.ts";
import type { Circumstances } from "../recipe/recipe-identity.ts";
import { evaluationLoader } from "../run/loaders.ts";
import { disposeRun } from "../run/prepare-run.ts";
import { currentEnvironment, readRunConfig } from "../run/run-directory.ts";
import { type CheckpointName, openTrainedRun, type TrainedRun } from "../run/trained-run.ts";
import { traceNetwork } from "../trace/trace.ts";
import { encodeOnnx } from "./onnx/encode.ts";
import { type Verification, verifyOnnx } from "./onnx/verify.ts";

export interface ExportOptions extends Circumstances {
  /** The best model of the final phase or the last one; by default the best where there is one. */
  checkpoint?: CheckpointName;
  /** The file to write; by default `model.onnx` in the run directory. */
  out?: string;
}

/** A file that was written and verified. */
export interface ExportedNetwork extends Verification {
  file: string;
  bytes: number;
}

export interface ExportSummary extends ExportedNetwork {
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

/**
 * Writes the deployed network of a run as ONNX and verifies it on test images. The file appears only when it has
 * passed; a file that was there before is then replaced in one step.
 *
 * @throws PeaError when the network still has an activation other than ReLU, when it holds an operator without a form
 *   in ONNX, or when ONNX Runtime computes something else than libtorch (see `verifyOnnx`)
 */
export async function exportRun(
  runDirectory: string,
  { out, ...options }: ExportOptions = {},
): Promise<ExportSummary> {
  const trained = await openTrainedRun(runDirectory, options);
  try {
    const { checkpoint, step, epoch, data, run } = trained;
    const file = out ?? run.model;
    return {
      runDirectory,
      checkpoint,
      step,
      epoch,
      inputShape: data.inputShape,
      ...(await deploy(trained, file)),
    };
  } finally {
    disposeRun(trained);
  }
}

/**
 * Writes a network with ReLU at every site as ONNX, on the CPU in float32, and verifies it. The file appears only when
 * it has passed.
 *
 * @param options.inputs some of what the network is fed with, [count, ...]: the file's input has the shape of one of them
 * @param options.metadata facts to keep in the file, by name
 * @throws PeaError as `exportRun`; of kind usage where a module is another activation or an ensemble below α = 1
 */
export async function exportNetwork(
  model: Module,
  file: string,
  { inputs, metadata = {} }: { inputs: Tensor; metadata?: Readonly<Record<string, string>> },
): Promise<ExportedNetwork> {
  requireReLUAlone(model);
  const { graph } = traceNetwork(model, inputs.shape.slice(1));
  const bytes = encodeOnnx(graph, { producerVersion: currentEnvironment().pea, metadata });
  const verification = await writeVerified(file, bytes, (path) => verifyOnnx(path, model, inputs));
  return { file, bytes: bytes.length, ...verification };
}

async function deploy(trained: TrainedRun, file: string) {
  refuseObstacle(trained);
  const { model, methods, data } = trained;
  methods.deploy();
  model.to({ device: "cpu" });
  const test = evaluationLoader(data.test, data, "cpu");
  for await (const { images } of test.batches())
    return {
      ...(await exportNetwork(model, file, { inputs: images, metadata: describe(trained) })),
      skipped: skippedOf({ test: test.skipped }),
    };
  throw new PeaError("there is no test image that can be read, to verify the network on");
}

function refuseObstacle({ methods, plan, run, step, epoch }: TrainedRun): void {
  const { obstacle } = methods;
  if (obstacle === null) return;
  const { why, endStep } = obstacle;
  throw new PeaError(
    endStep === undefined
      ? why
      : `after step ${step} of ${plan.totalSteps} (epoch ${epoch}) ${why}, up to step ${endStep}. ` +
          `Train on with: ${resumeCommand(run.path)}`,
    { kind: "usage" },
  );
}

function requireReLUAlone(model: Module): void {
  const refuse = (path: string, what: string) => {
    throw new PeaError(`${path} is ${what}: a deployed network has no activation but ReLU`, {
      kind: "usage",
    });
  };
  for (const [path, module] of model.namedModules()) {
    if (module instanceof EnsembleActivation) {
      const { alpha } = module.control;
      if (alpha < 1) refuse(path, `an ensemble with alpha ${alpha}`);
    } else if (!(module instanceof ReLU) && isActivation(module)) refuse(path, module.constructor.name);
  }
}

/** What a user of the file needs to know: how to prepare images, what the outputs mean, where the file comes from. */
function describe({ run, recipe, data, checkpoint, epoch }: TrainedRun): Record<string, string> {
  const { environment } = readRunConfig(run);
  const { inputShape, statistics } = data;
  return {
    network: recipe.model,
    method: variantName(recipe),
    alpha: "1",
    preprocessing: JSON.stringify(
      describeInput({
        shape: inputShape,
        crop: data.evaluationCrop,
        exifOrientation: recipe.exifOrientation,
        ...statistics,
      }),
    ),
    classes: JSON.stringify(data.classes),
    ...(data.labelTable && { labels: JSON.stringify(classLabels(data.labelTable)) }),
    training: JSON.stringify({ data: recipe.data, seed: recipe.seed, checkpoint, epoch }),
    versions: JSON.stringify(environment),
  };
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
