/**
 * Trained networks, ready to be asked: a run on libtorch, a deployed file on ONNX Runtime, behind one face.
 *
 * @module
 */

import { readFileSync, statSync } from "node:fs";
import { PeaError } from "@pea/core";
import { cast, noGrad, scope, tensor } from "@pea/torch";
import type { Logits } from "../export/deployed-session.ts";
import { readOnnx } from "../export/onnx/decode.ts";
import { openSession } from "../export/onnx/session.ts";
import type { LabelTable } from "../images/label-table.ts";
import { type NetworkInput, parseInput, parseJson } from "../images/network-input.ts";
import { decodeModel } from "../onnx-file/model.ts";
import type { Imports } from "../recipe/import-file.ts";
import { evaluationCrop } from "../recipe/recipe.ts";
import { runDirectory } from "../run/run-directory.ts";
import { type CheckpointName, openTrainedNetwork, weightFiles } from "../run/trained-run.ts";

/** A network that can be asked. */
export interface Predictor {
  /** Where it comes from, for people. */
  readonly description: string;
  /** That it is read from. */
  readonly file: string;
  readonly input: NetworkInput;
  readonly classes: readonly string[];
  /** Of a network that names a class for each pixel: the labels of the classes, in their order. */
  readonly labels?: LabelTable;
  /** @param images standardized, [count, ...input.shape] row-major */
  run(images: Float32Array, count: number): Promise<Logits>;
  close(): Promise<void>;
}

/**
 * Opens a network to be asked.
 *
 * @param source the folder of a run, or an ONNX file that `exportRun` wrote
 * @param options.checkpoint of a run; left out: the best model where there is one, else the last
 * @returns to be closed
 * @param options.import where the module with the run's network lies now, if it has moved
 * @throws PeaError of kind usage when there is neither
 */
export async function openPredictor(
  source: string,
  options: { checkpoint?: CheckpointName; import?: Imports } = {},
): Promise<Predictor> {
  const kind = statSync(source, { throwIfNoEntry: false });
  if (kind === undefined)
    throw usage(`there is no ${source}; give the folder of a run or an ONNX file that pea export wrote`);
  if (kind.isDirectory()) return openRun(source, options);
  if (options.checkpoint !== undefined)
    throw usage(`${source} is a file with one model in it; leave --checkpoint out, or give a run's folder`);
  return openFile(source);
}

async function openRun(
  path: string,
  options: { checkpoint?: CheckpointName; import?: Imports },
): Promise<Predictor> {
  const { model, methods, facts, recipe, device, ...trained } = await openTrainedNetwork(path, options);
  if (trained.step === facts.totalSteps) methods.deploy();
  const { inputShape, statistics, classes, labels, totalSteps } = facts;
  const memoryFormat = "channels_last";
  return {
    description: `${trained.checkpoint} model of ${path}, step ${trained.step} of ${totalSteps}`,
    file: weightFiles(runDirectory(path))[trained.checkpoint],
    input: {
      shape: inputShape,
      crop: evaluationCrop(recipe),
      exifOrientation: recipe.exifOrientation,
      ...statistics,
    },
    classes,
    labels,
    async run(images, count) {
      return scope(() => {
        const batch = cast(tensor(images, { shape: [count, ...inputShape] }), { device, memoryFormat });
        const output = noGrad(() => model.forward(batch));
        return { shape: output.shape, values: output.toTypedArray() as Float32Array };
      });
    },
    async close() {
      methods.dispose();
      model.dispose();
    },
  };
}

async function openFile(path: string): Promise<Predictor> {
  const { metadata } = await readOnnx(path).catch((error: Error) => {
    throw usage(error.message, error);
  });
  const input = parseInput(path, metadata.preprocessing);
  const classes = parseJson(metadata.classes);
  if (!Array.isArray(classes)) throw usage(`${path} does not name its classes in its metadata`);
  const labels = parseJson(metadata.labels) ?? undefined;
  const session = await openSession(path, { layout: metadata.layout });
  return {
    description: path,
    file: path,
    input,
    classes,
    labels: labels as LabelTable | undefined,
    run: async (images, count) => session.run(images, [count, ...input.shape]),
    close: () => session.release(),
  };
}

/** Whether a file is an ONNX file that does not say what its images are to be: of another tool than `pea export`. */
export function isForeignFile(path: string): boolean {
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return false;
  return !decodeModel(readFileSync(path), path).metadata.some(({ key }) => key === "preprocessing");
}

const usage = (message: string, cause?: unknown): PeaError => new PeaError(message, { kind: "usage", cause });
