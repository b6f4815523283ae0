/**
 * Proof that a file computes what the network computes: ONNX Runtime against libtorch on real images.
 * @module
 */
import { PeaError } from "@pea/core";
import { type Graph, whySmooth } from "@pea/graph";
import { type Module, noGrad, scope, type Tensor, tensor } from "@pea/torch";
import type { DeployedSession } from "../deployed-session.ts";
import { readOnnx } from "./decode.ts";
import { openSession } from "./session.ts";

/**
 * Largest absolute difference between the logits of ONNX Runtime and of libtorch that passes, for logits up to 20.
 * Beyond, it grows with the largest logit: float32 rounding alone is up to 1.5e-6 of it, in networks of fifty layers.
 */
export const tolerance = 1e-4;

/** What may differ where the largest logit has this magnitude. */
export function toleranceFor(largestLogit: number): number {
  return tolerance * Math.max(1, largestLogit / 20);
}

export interface Verification {
  /** Images compared. */
  images: number;
  /** Largest absolute difference of any logit. */
  largestDifference: number;
  /** What `largestDifference` may be at most, see `toleranceFor`. */
  allowed: number;
  /** Largest absolute logit of libtorch: the scale of the difference. */
  largestLogit: number;
  /** Classes named by the network: one for each image, in segmentation one for each pixel. */
  predictions: number;
  /** Predictions of which both name the same class; a tie within the tolerance may go either way. */
  sameClass: number;
  /** Nodes by operator type. */
  operators: Record<string, number>;
}

const batchSize = 64;
// Images which are also run one at a time: the batch dimension must be dynamic.
const singleImages = 4;

/**
 * Runs the file and the network on `images` and compares the logits, in batches and one image at a time.
 *
 * @param path an ONNX file written by this package
 * @param model the network the file was made from, with ReLU at every site
 * @param images standardized images `[count, channels, height, width]`, float32
 * @throws PeaError when the network's output is not finite, the file cannot be loaded, holds a smooth activation, or differs by more than
 *   `toleranceFor` its logits
 */
export async function verifyOnnx(path: string, model: Module, images: Tensor): Promise<Verification> {
  const { graph, operators, metadata } = await readOnnx(path);
  requireNoSmooth(path, graph);
  const session = await openSession(path, { layout: metadata.layout });
  try {
    const result = await compare(session, model, images);
    const allowed = toleranceFor(result.largestLogit);
    if (!Number.isFinite(result.largestLogit)) {
      throw new PeaError(
        "the network's output is not finite on test images, so there is nothing to compare: train it again with a " +
          "lower lr or a longer warmup",
      );
    }
    // Negated so that NaN fails.
    if (!(result.largestDifference <= allowed)) {
      throw new PeaError(
        `ONNX Runtime and libtorch differ by ${result.largestDifference.toExponential(2)} in a logit ` +
          `(allowed: ${allowed.toExponential(1)}; largest logit ${result.largestLogit.toPrecision(3)}): ${path} must not be used`,
      );
    }
    return { ...result, allowed, operators };
  } finally {
    await session.release();
  }
}

/**
 * Throws where the graph of a file has a smooth activation, by the rule of `whySmooth`.
 *
 * @throws PeaError naming the file and the first of them
 */
function requireNoSmooth(path: string, graph: Graph): void {
  const reason = whySmooth(graph);
  if (reason !== null) throw new PeaError(`${path} is not to be deployed: ${reason}`);
}

async function compare(session: DeployedSession, model: Module, images: Tensor) {
  const [count = 0, ...inputShape] = images.shape;
  const pixels = images.toTypedArray() as Float32Array;
  const size = inputShape.reduce((a, b) => a * b, 1);
  const result = { images: count, largestDifference: 0, largestLogit: 0, predictions: 0, sameClass: 0 };

  const compareBatch = async (first: number, length: number) => {
    const batch = pixels.subarray(first * size, (first + length) * size);
    const shape = [length, ...inputShape];
    const { values: deployed } = await session.run(batch, shape);
    const { values: expected, classes } = logits(model, batch, shape);
    result.largestDifference = largestDifference(result.largestDifference, deployed, expected);
    result.largestLogit = expected.reduce(
      (largest, logit) => Math.max(largest, Math.abs(logit)),
      result.largestLogit,
    );
    return {
      predictions: expected.length / classes,
      sameClass: countSameClass(deployed, expected, length, classes),
    };
  };
  for (let first = 0; first < count; first += batchSize) {
    const { predictions, sameClass } = await compareBatch(first, Math.min(batchSize, count - first));
    result.predictions += predictions;
    result.sameClass += sameClass;
  }
  for (let first = 0; first < Math.min(singleImages, count); first++) await compareBatch(first, 1);
  return result;
}

function logits(
  model: Module,
  batch: Float32Array,
  shape: number[],
): { values: Float32Array; classes: number } {
  const wasTraining = model.training;
  model.eval();
  try {
    return scope(() => {
      const output = noGrad(() => model.forward(tensor(batch, { shape })));
      return { values: output.toTypedArray() as Float32Array, classes: output.shape[1] ?? 1 };
    });
  } finally {
    model.train(wasTraining);
  }
}

function largestDifference(soFar: number, a: Float32Array, b: Float32Array): number {
  // Math.max keeps NaN, which the caller refuses.
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - (b[i] as number))), soFar);
}

/** Of logits `[images, classes, ...pixels]`: how often the largest of each pixel (or image) is the same class. */
function countSameClass(a: Float32Array, b: Float32Array, images: number, classes: number): number {
  const pixels = a.length / images / classes;
  const argmax = (values: Float32Array, first: number) => {
    let best = 0;
    for (let k = 1; k < classes; k++) {
      if ((values[first + k * pixels] as number) > (values[first + best * pixels] as number)) best = k;
    }
    return best;
  };
  let same = 0;
  for (let image = 0; image < images; image++) {
    for (let pixel = 0; pixel < pixels; pixel++) {
      const first = image * classes * pixels + pixel;
      if (argmax(a, first) === argmax(b, first)) same++;
    }
  }
  return same;
}
