/**
 * From a run directory to a verified ONNX file.
 * @module
 */
import { rename, rm, writeFile } from "node:fs/promises";
import { PeaError } from "@pea/core";
import { evaluationCrop } from "../data/evaluation-crop.ts";
import { describeInput } from "../predict/network-input.ts";
import { variantName } from "../report/load-run.ts";
import { disposeRun, evaluationLoader } from "../train/prepare.ts";
import { currentEnvironment, readRunConfig } from "../train/run-directory.ts";
import { type CheckpointName, openTrainedRun, type TrainedRun } from "../train/trained-run.ts";
import { encodeOnnx } from "./onnx.ts";
import { traceNetwork } from "./trace.ts";
import { type Verification, verifyOnnx } from "./verify.ts";

export interface ExportOptions {
  /** The best model of the final phase or the last one; by default the best where there is one. */
  checkpoint?: CheckpointName;
  /** Where the data lie now, if they have moved since the training. */
  dataDir?: string;
  /** The file to write; by default `model.onnx` in the run directory. */
  out?: string;
}

export interface ExportSummary extends Verification {
  runDirectory: string;
  checkpoint: CheckpointName;
  /** Weight updates done to the exported weights, and the epoch of the last of them. */
  step: number;
  epoch: number;
  file: string;
  bytes: number;
  /** Channels, height and width of one image. */
  inputShape: readonly number[];
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
    const { bytes, verification } = await deploy(trained, file);
    return {
      runDirectory,
      checkpoint,
      step,
      epoch,
      file,
      bytes,
      inputShape: data.inputShape,
      ...verification,
    };
  } finally {
    disposeRun(trained);
  }
}

async function deploy(trained: TrainedRun, file: string) {
  refuseOtherActivations(trained);
  const { model, method, data } = trained;
  method.onEnd();
  model.to({ device: "cpu" });
  const bytes = encodeOnnx(traceNetwork(model, data.inputShape), currentEnvironment().pea, describe(trained));
  for await (const { images } of evaluationLoader(data.test, data, "cpu").batches()) {
    const verification = await writeVerified(file, bytes, (path) => verifyOnnx(path, model, images));
    return { bytes: bytes.length, verification };
  }
  throw new PeaError("there is no test image to verify the network on");
}

function refuseOtherActivations({ method, recipe, plan, run, step, epoch }: TrainedRun): void {
  if (recipe.activation !== "relu" && recipe.swapToRelu === undefined) {
    throw new PeaError(
      `this run trained with ${recipe.activation} all along: an upper limit to compare with, not a ReLU network to deploy`,
      { kind: "usage" },
    );
  }
  const { alpha = 1 } = method.scalars();
  if (alpha === 1) return;
  const final = method.phases.find(({ name }) => name === "final" || name === "relu");
  throw new PeaError(
    `alpha is ${alpha.toFixed(3)} after step ${step} of ${plan.totalSteps} (epoch ${epoch}): the network still holds a ` +
      `smooth activation; ReLU alone would begin after step ${final?.firstStep ?? plan.totalSteps}. ` +
      `Train on with pea train --resume ${run.path}`,
    { kind: "usage" },
  );
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
      describeInput({ shape: inputShape, crop: evaluationCrop(recipe.data), ...statistics }),
    ),
    classes: JSON.stringify(data.classes),
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
