/**
 * What was written beside the integers that a chip without kernels of its own gives: how many steps apart they are.
 *
 * @module
 */
import {
  type GraphInput,
  type IntegerTensor,
  interpreterOf,
  type Quantization,
  type QuantizedGraph,
  quantized,
} from "@pea/graph";
import { narrow, type Tensor } from "@pea/torch";
import type { DeployedSession } from "./deployed-session.ts";

/** Differences of all answers of some images, in steps of the answer's scale. */
export interface QuantaDifference {
  readonly images: number;
  readonly largest: number;
  readonly mean: number;
}

/** Images that are compared: the interpreter is exact, not quick. */
const comparedImages = 8;

/** Something that computes a network's answers. */
type Answering = Pick<DeployedSession, "run">;

/** What the interpreter gives for some images. */
export interface ExactAnswers {
  /** Steps that other answers to the same images are apart from them. */
  beside(session: Answering): Promise<QuantaDifference>;
}

/**
 * Runs a file and the interpreter on images, and counts the steps between their answers. Runtimes round sums each in their
 * own way, so that a step or two is no error.
 *
 * @param images [N, C, H, W], standardized, float32, of which some are taken
 */
export async function quantaDifference(
  session: Answering,
  graph: QuantizedGraph,
  images: Tensor,
): Promise<QuantaDifference> {
  return exactAnswers(graph, images).beside(session);
}

/**
 * Runs the interpreter on images, to compare others with it.
 *
 * @param images [N, C, H, W], standardized, float32, of which some are taken
 */
export function exactAnswers(graph: QuantizedGraph, images: Tensor): ExactAnswers {
  const count = Math.min(comparedImages, images.shape[0] as number);
  using some = narrow(images, 0, 0, count);
  const pixels = some.toTypedArray() as Float32Array;
  const [input] = graph.inputs;
  const [output = ""] = graph.outputs;
  const { name, shape } = input as GraphInput;
  // A file of a fixed batch is run as often as it takes; the interpreter is told that any number comes.
  const open = { ...graph, inputs: [{ name, shape: ["batch", ...shape.slice(1)] as const }] };
  const values = interpreterOf(open).run(new Map([[name, pixels]]));
  const exact = (values.get(output) as IntegerTensor).data;
  const imagesShape = some.shape;
  return {
    async beside(session) {
      const answer = await session.run(pixels, imagesShape);
      const integers = quantized(answer.values, graph.quantizations.get(output) as Quantization);
      let [largest, sum] = [0, 0];
      for (let i = 0; i < exact.length; i++) {
        const difference = Math.abs(Number(exact[i]) - Number(integers[i]));
        largest = Math.max(largest, difference);
        sum += difference;
      }
      return { images: count, largest, mean: sum / exact.length };
    },
  };
}
