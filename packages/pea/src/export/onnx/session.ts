/**
 * ONNX Runtime, as far as the deployed network needs it: load a file, run it, time it.
 * @module
 */
import { PeaError } from "@pea/core";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { inputName, outputName } from "../../trace/trace.ts";
import { channelsLast, inOrder, turned } from "../axis-order.ts";
import { type DeployedSession, runInBatches } from "../deployed-session.ts";

/**
 * Loads an ONNX file on the CPU with all graph optimizations; one for a fixed batch runs as often as images want it to.
 * @param layout in which order the file takes the axes of images, as its metadata say (`layout`); channels first by default
 * @param threads threads within one operator; 0 leaves the number to ONNX Runtime (all cores)
 * @param saturates let integers be multiplied as ONNX Runtime does by default: on x86 processors without VNNI
 *   instructions, sums of two products are cut off at 16 bits
 * @throws PeaError when ONNX Runtime refuses the file
 */
export async function openSession(
  path: string,
  { layout, threads = 0, saturates = false }: { layout?: string; threads?: number; saturates?: boolean } = {},
): Promise<DeployedSession> {
  const session = await InferenceSession.create(path, {
    intraOpNumThreads: threads,
    graphOptimizationLevel: "all",
    logSeverityLevel: 3,
    ...(!saturates && { extra: { session: { x64quantprecision: "1" } } }),
  }).catch((cause) => {
    throw new PeaError(`ONNX Runtime cannot load ${path}: ${cause.message}`, { cause });
  });
  const run: DeployedSession["run"] = async (images, shape) => {
    const input = layout === "nhwc" ? withChannelsLast(images, shape) : new Tensor("float32", images, shape);
    const outputs = await session.run({ [inputName]: input });
    const { dims, data } = outputs[outputName] as Tensor;
    return { shape: dims, values: data as Float32Array };
  };
  const batch = fixedBatch(session);
  return {
    run:
      batch === undefined
        ? run
        : (images, shape, onImages) => runInBatches(run, batch, images, shape, onImages),
    release: () => session.release(),
  };
}

function withChannelsLast(images: Float32Array, shape: readonly number[]): Tensor {
  const order = channelsLast(shape.length);
  return new Tensor("float32", turned(images, shape, order) as Float32Array, inOrder(shape, order));
}

/** Images that a file takes at a time, where their number is not open. */
function fixedBatch({ inputMetadata }: InferenceSession): number | undefined {
  const [input] = inputMetadata;
  const size = input?.isTensor ? input.shape[0] : undefined;
  return typeof size === "number" ? size : undefined;
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
