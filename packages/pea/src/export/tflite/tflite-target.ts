/** TensorFlow Lite files of integers throughout. */
import { PeaError } from "@pea/core";
import { type Scheme, type SchemeWishes, usualScheme } from "@pea/graph";
import { oneImageAlone } from "../one-image-alone.ts";
import type { Asked, IntegerTarget } from "../target.ts";
import { goldenFiles } from "./golden.ts";
import { requireLiteRt } from "./litert.ts";
import { firstReason, tfliteObstaclesOf } from "./obstacle.ts";
import { describeTflite, openTflite, type TfliteProof, verifyTflite } from "./verify-tflite.ts";
import { writeTflite } from "./write-tflite.ts";

/**
 * As runtimes of TensorFlow Lite compute: int8 (asymmetric) or int16 (symmetric), weights of int8.
 *
 * @throws PeaError of kind usage for uint8
 */
export function tfliteScheme(wishes: SchemeWishes): Scheme {
  if (wishes.activations === "uint8")
    throw new PeaError(
      "TensorFlow Lite computes in int8 or int16, not in uint8; for bytes at its ends take inputType and outputType uint8 (--input-type, --output-type)",
      { kind: "usage" },
    );
  return usualScheme(wishes);
}

/**
 * What all files of TensorFlow Lite want.
 *
 * @throws PeaError of kind usage for several images at a time, and a Python that has no LiteRT
 */
export async function checkTflite({ batch = 1, litert }: Asked): Promise<void> {
  if (batch !== 1) throw oneImageAlone("a TensorFlow Lite file", batch);
  if (litert !== undefined) await requireLiteRt(litert);
}

/** The file and, as bytes, a few of the inputs and outputs of the integers within its ends. */
export const tfliteTarget: IntegerTarget<TfliteProof> = {
  name: "tflite",
  title: "TensorFlow Lite",
  file: "tflite",
  takes: ["inputType", "outputType", "litert"],
  scheme: tfliteScheme,
  check: checkTflite,
  obstacle: (graph, scheme) => firstReason(() => tfliteObstaclesOf(graph, scheme)),
  obstacles: tfliteObstaclesOf,
  write(graph, { metadata, producerVersion, samples, inputType, outputType }) {
    const form = { inputType, outputType, metadata, description: `pea ${producerVersion}` };
    return { "model.tflite": writeTflite(graph, form), ...goldenFiles(graph, samples) };
  },
  open: (path, _, settings) => openTflite(path, settings),
  verify: verifyTflite,
  describe: describeTflite,
};
