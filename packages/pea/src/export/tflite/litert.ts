/**
 * LiteRT, the runtime of TensorFlow Lite files, from Python's package `ai-edge-litert`.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { PeaError } from "@pea/core";
import { elementsOf } from "@pea/graph";
import type { DeployedSession } from "../onnx/session.ts";
import { channelsLast, inOrder, permutation } from "./axis-order.ts";
import { bytesOf } from "./golden.ts";
import { turned } from "./lower/lowering.ts";

/** A session, and the version that runs it. */
export interface LiteRtSession extends DeployedSession {
  readonly version: string;
}

/** What the program below answers. */
interface Answer {
  readonly version: string;
  /** Of one image's answer, in the file's order. */
  readonly shape: readonly number[];
  /** Of all images, float32, in base64. */
  readonly values: string;
}

/**
 * A file in LiteRT's reference kernels, which round as those of microcontrollers do, one image after the other: floats in,
 * floats out, whatever its ends are.
 *
 * @param python the command of a Python that has `ai-edge-litert`
 * @param file the TensorFlow Lite file, of one input and one output
 * @throws PeaError of kind usage where there is no such command, or it has no LiteRT; with what it says where it fails
 */
export async function openLiteRt(python: string, file: string): Promise<LiteRtSession> {
  const { version } = await ask(python, file, new Float32Array());
  return {
    version,
    async run(images, shape) {
      const inFile = turned(images, shape, channelsLast(shape.length)) as Float32Array;
      const answer = await ask(python, file, inFile);
      const bytes = new Uint8Array(Buffer.from(answer.values, "base64"));
      const sizes = [shape[0] as number, ...answer.shape.slice(1)];
      const axes = sizes.map((_, axis) => axis);
      const back = permutation(channelsLast(sizes.length), axes);
      const values = turned(new Float32Array(bytes.buffer), sizes, back) as Float32Array;
      if (values.length !== elementsOf(sizes)) throw new Error(`LiteRT gave ${values.length} numbers`);
      return { shape: inOrder(sizes, back), values };
    },
    async release() {},
  };
}

/** Reads float32 images of the file's shape from stdin. */
const program = `
import base64, contextlib, importlib.metadata, json, sys
import numpy as np
with contextlib.redirect_stdout(sys.stderr):
    from ai_edge_litert.interpreter import Interpreter, OpResolverType
    interpreter = Interpreter(sys.argv[1], experimental_op_resolver_type=OpResolverType.BUILTIN_REF, num_threads=1)
    interpreter.allocate_tensors()
    given, computed = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    images = np.frombuffer(sys.stdin.buffer.read(), np.float32).reshape(-1, *given["shape"])
    answers = []
    for image in images:
        if given["dtype"] != np.float32:
            scale, zero = given["quantization"]
            kind = np.iinfo(given["dtype"])
            steps = image / np.float32(scale)
            whole = np.trunc(steps + np.copysign(np.float32(0.5), steps)) + zero
            image = np.clip(whole, kind.min, kind.max).astype(given["dtype"])
        interpreter.set_tensor(given["index"], image)
        interpreter.invoke()
        answer = interpreter.get_tensor(computed["index"])
        if computed["dtype"] != np.float32:
            scale, zero = computed["quantization"]
            answer = (answer.astype(np.int32) - zero).astype(np.float32) * np.float32(scale)
        answers.append(answer.tobytes())
print(json.dumps({
    "version": importlib.metadata.version("ai-edge-litert"),
    "shape": [int(size) for size in computed["shape"]],
    "values": base64.b64encode(b"".join(answers)).decode(),
}))
`;

/** A process for each question: files are verified on a few images. */
async function ask(python: string, file: string, images: Float32Array): Promise<Answer> {
  const answer = await new Promise<string>((resolve, reject) => {
    const child = execFile(python, ["-c", program, file], { maxBuffer: 1 << 28 }, (error, stdout, stderr) =>
      error === null ? resolve(stdout) : reject(refusal(python, error, stderr)),
    );
    // It may have ended before it has read: its own words say why.
    child.stdin?.on("error", () => {});
    child.stdin?.end(bytesOf(images));
  });
  return JSON.parse(answer);
}

function refusal(python: string, error: Error & { code?: unknown }, said: string): PeaError {
  const last = said.trim().split("\n").at(-1) ?? "";
  if (error.code === "ENOENT" || /No module named/.test(last))
    return new PeaError(
      `${python} ${error.code === "ENOENT" ? "is no command" : "has no LiteRT"}; name a Python that has it with --litert PATH ` +
        "(pip install ai-edge-litert)",
      { kind: "usage", cause: error },
    );
  return new PeaError(`LiteRT does not run the file: ${last}`, { cause: error });
}
