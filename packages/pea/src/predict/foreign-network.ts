/**
 * Networks in ONNX files of other tools, to be asked by a run: what such a file does not say is taken to be as in that run.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import { elementsOf } from "@pea/graph";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { type DeployedSession, runInBatches } from "../export/deployed-session.ts";
import type { OtherNetwork, TrainingStart } from "../methods/method.ts";

/**
 * Opens a file for ONNX Runtime. Its input is images [N, C, H, W] of float32, standardized as the run's, its first output [N, classes]
 * logits of the run's classes in their order.
 *
 * @returns to be closed
 * @throws PeaError of kind usage for a file that takes something else
 */
export async function openForeignNetwork(
  path: string,
  digest: string,
  { statistics, classes, inputShape }: Pick<TrainingStart, "statistics" | "classes" | "inputShape">,
): Promise<OtherNetwork> {
  const session = await InferenceSession.create(path, { logSeverityLevel: 3 }).catch((cause: Error) => {
    throw usage(`ONNX Runtime cannot load ${path}: ${cause.message}`, cause);
  });
  try {
    const [batch, ...shape] = imageInput(path, session);
    const [inputName = "", outputName = ""] = [session.inputNames[0], session.outputNames[0]];
    const run: DeployedSession["run"] = async (images, dims) => {
      const { [outputName]: output } = await session.run({
        [inputName]: new Tensor("float32", images, dims),
      });
      const { dims: given, data } = output as Tensor;
      if (given.length !== 2 || given[1] !== classes.length || !(data instanceof Float32Array))
        throw usage(
          `${path} answers ${output?.type} [${given.join(", ")}], but these data have ${classes.length} classes; ` +
            `take a network whose first output is float32 [images, ${classes.length}]`,
        );
      return { shape: given, values: data };
    };
    const own = shape.map((size, axis) => size ?? (inputShape[axis] as number));
    // Tells what it answers, which a file need not say.
    await run(new Float32Array(elementsOf([batch ?? 1, ...own])), [batch ?? 1, ...own]);
    return {
      digest,
      input: { ...statistics, shape: own },
      classes,
      run: (images, count) =>
        batch === undefined
          ? run(images, [count, ...own])
          : runInBatches(run, batch, images, [count, ...own]),
      close: () => session.release(),
    };
  } catch (error) {
    await session.release();
    throw error;
  }
}

/** Images at a time, channels, height and width of the only input; undefined where a file leaves them open. */
function imageInput(path: string, { inputMetadata }: InferenceSession): (number | undefined)[] {
  const [input, ...others] = inputMetadata;
  if (input?.isTensor && input.type === "float32" && input.shape.length === 4 && others.length === 0)
    return input.shape.map((size) => (typeof size === "number" && size > 0 ? size : undefined));
  const inputs = inputMetadata.map((one) =>
    one.isTensor ? `${one.name}: ${one.type} [${one.shape.join(", ")}]` : one.name,
  );
  throw usage(
    `${path} takes ${inputs.join(" and ")}; a network is asked about images alone, float32 [N, C, H, W]`,
  );
}

const usage = (message: string, cause?: unknown): PeaError => new PeaError(message, { kind: "usage", cause });
