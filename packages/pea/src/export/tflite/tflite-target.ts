/** TensorFlow Lite files of integers throughout. */
import { PeaError } from "@pea/core";
import { type Scheme, type SchemeWishes, usualScheme } from "@pea/graph";
import type { IntegerTarget } from "../target.ts";
import { bytesOf, goldenVectors } from "./golden.ts";
import { openInterpreter } from "./interpreter-session.ts";
import { tfliteObstacle, tfliteObstaclesOf } from "./obstacle.ts";
import { writeTflite } from "./write-tflite.ts";

/**
 * As runtimes of TensorFlow Lite compute: int8 (asymmetric) or int16 (symmetric), weights of int8.
 *
 * @throws PeaError of kind usage for uint8
 */
export function tfliteScheme(wishes: SchemeWishes): Scheme {
  if (wishes.activations === "uint8")
    throw new PeaError(
      "TensorFlow Lite computes in int8 or int16, not in uint8; for bytes at its ends take inputType and outputType uint8",
      { kind: "usage" },
    );
  return usualScheme(wishes);
}

/** What is said of every file that holds the operators of `writeTflite`. */
export const sameEverywhere =
  "its operators are those that LiteRT's reference kernels and LiteRT for Microcontrollers compute to the byte as scored here";

/** The file and, as bytes, a few of the inputs and outputs of the integers within its ends. */
export const tfliteTarget: IntegerTarget = {
  name: "tflite",
  title: "TensorFlow Lite",
  file: "tflite",
  takes: ["inputType", "outputType"],
  scheme: tfliteScheme,
  obstacle: tfliteObstacle,
  obstacles: tfliteObstaclesOf,
  write(graph, { metadata, producerVersion, samples, inputType, outputType }) {
    const form = { inputType, outputType, metadata, description: `pea ${producerVersion}` };
    const model = writeTflite(graph, form);
    const golden = goldenVectors(graph, samples).flatMap(({ input, output }, place) => [
      [`golden/${place}.input`, bytesOf(input)] as const,
      [`golden/${place}.output`, bytesOf(output)] as const,
    ]);
    return { "model.tflite": model, ...Object.fromEntries(golden) };
  },
  open: async (_, graph) => openInterpreter(graph),
  verify: async () => ({}),
  describe: () => [sameEverywhere],
};
