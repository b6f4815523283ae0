/**
 * ONNX Runtime, as far as the deployed network needs it: load a file, run it, time it.
 * @module
 */
import { PeaError } from "@pea/core";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { inputName, outputName } from "./trace.ts";

/** What a network says of some images. */
export interface Logits {
  /** Images, classes and, in segmentation, height and width. */
  readonly shape: readonly number[];
  /** Row-major. */
  readonly values: Float32Array;
}

/** A loaded file. `run` maps images `[batch, channels, height, width]` (row-major) to logits. */
export interface DeployedSession {
  run(images: Float32Array, shape: readonly number[]): Promise<Logits>;
  release(): Promise<void>;
}

/**
 * Loads an ONNX file on the CPU with all graph optimizations.
 * @param threads threads within one operator; 0 leaves the number to ONNX Runtime (all cores)
 * @throws PeaError when ONNX Runtime refuses the file
 */
export async function openSession(path: string, { threads = 0 } = {}): Promise<DeployedSession> {
  const session = await InferenceSession.create(path, {
    intraOpNumThreads: threads,
    graphOptimizationLevel: "all",
    logSeverityLevel: 3,
  }).catch((cause) => {
    throw new PeaError(`ONNX Runtime cannot load ${path}: ${cause.message}`, { cause });
  });
  return {
    async run(images, shape) {
      const outputs = await session.run({ [inputName]: new Tensor("float32", images, shape) });
      const { dims, data } = outputs[outputName] as Tensor;
      return { shape: dims, values: data as Float32Array };
    },
    release: () => session.release(),
  };
}

export interface Latency {
  /** Median time of one run of one image in milliseconds, the call from JavaScript included. */
  milliseconds: number;
  runs: number;
}

const warmUpRuns = 20;
const timedRuns = 200;

/** Times a file on one image of shape `inputShape` (channels, height, width). */
export async function measureLatency(
  path: string,
  inputShape: readonly number[],
  { threads = 0 } = {},
): Promise<Latency> {
  const session = await openSession(path, { threads });
  try {
    const image = new Float32Array(inputShape.reduce((a, b) => a * b, 1));
    const times: number[] = [];
    for (let run = -warmUpRuns; run < timedRuns; run++) {
      const start = performance.now();
      await session.run(image, [1, ...inputShape]);
      if (run >= 0) times.push(performance.now() - start);
    }
    times.sort((a, b) => a - b);
    return { milliseconds: times[times.length >> 1] as number, runs: timedRuns };
  } finally {
    await session.release();
  }
}
