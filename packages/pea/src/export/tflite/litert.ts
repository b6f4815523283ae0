/**
 * LiteRT, the runtime of TensorFlow Lite files, from Python's package `ai-edge-litert`.
 *
 * @module
 */
import { type ChildProcessWithoutNullStreams, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { PeaError } from "@pea/core";
import { channelsLast, inOrder, permutation, turned } from "../axis-order.ts";
import { type DeployedSession, runInBatches } from "../deployed-session.ts";
import { bytesOf } from "./bytes.ts";

/** A session, and the version that runs it. */
export interface LiteRtSession extends DeployedSession {
  readonly version: string;
}

/** What the program below answers for an image. */
interface Answer {
  /** In the file's order. */
  readonly shape: readonly number[];
  /** float32, in base64. */
  readonly values: string;
}

/**
 * Asks a Python for LiteRT before there is a file to run.
 *
 * @throws PeaError of kind usage where there is no such command, or it has no LiteRT
 */
export async function requireLiteRt(python: string): Promise<void> {
  await promisify(execFile)(python, ["-c", "import ai_edge_litert.interpreter"]).catch((error) => {
    throw refusal(python, error, error.stderr);
  });
}

/** What was found, by where it was looked for: an export asks several times, and a Python takes its time to start. */
const found = new Map<string, Promise<string | undefined>>();

/**
 * A Python that has LiteRT: that of the active virtual environment, or what `python3` starts. Once it is known, it is not
 * looked for again.
 *
 * @returns its command; undefined where neither has it
 */
export function findLiteRt(): Promise<string | undefined> {
  const { VIRTUAL_ENV: environment, PATH } = process.env;
  const known = [...(environment ? [join(environment, "bin", "python3")] : []), "python3"];
  const where = JSON.stringify([known, PATH]);
  const python = found.get(where) ?? firstWithLiteRt(known);
  found.set(where, python);
  return python;
}

async function firstWithLiteRt(known: readonly string[]): Promise<string | undefined> {
  const words = [
    "-c",
    "import importlib.util, sys; sys.exit(importlib.util.find_spec('ai_edge_litert') is None)",
  ];
  for (const python of known) {
    const has = await promisify(execFile)(python, words).then(
      () => true,
      () => false,
    );
    if (has) return python;
  }
  return undefined;
}

/**
 * A file in LiteRT's reference kernels, which round as those of microcontrollers do, one image after the other: floats in,
 * floats out, whatever its ends are. To be released.
 *
 * @param python the command of a Python that has `ai-edge-litert`
 * @param file the TensorFlow Lite file, of one input and one output
 * @throws PeaError of kind usage where there is no such command, or it has no LiteRT; with what it says where it fails
 */
export async function openLiteRt(python: string, file: string): Promise<LiteRtSession> {
  const interpreter = new Interpreter(python, file);
  const { version } = await interpreter.answer<{ version: string }>();
  const one: DeployedSession["run"] = async (image, shape) => {
    interpreter.give(turned(image, shape, channelsLast(shape.length)) as Float32Array);
    const answer = await interpreter.answer<Answer>();
    const back = permutation(
      channelsLast(answer.shape.length),
      answer.shape.map((_, axis) => axis),
    );
    const { buffer } = new Uint8Array(Buffer.from(answer.values, "base64"));
    return {
      shape: inOrder(answer.shape, back),
      values: turned(new Float32Array(buffer), answer.shape, back) as Float32Array,
    };
  };
  return {
    version,
    run: (images, shape, onImages) => runInBatches(one, 1, images, shape, onImages),
    release: () => interpreter.end(),
  };
}

/** Tells its version, then reads float32 images of the file's shape from stdin, and answers each: a line of JSON at a time. */
const program = `
import base64, contextlib, importlib.metadata, json, sys
import numpy as np
with contextlib.redirect_stdout(sys.stderr):
    from ai_edge_litert.interpreter import Interpreter, OpResolverType
    interpreter = Interpreter(sys.argv[1], experimental_op_resolver_type=OpResolverType.BUILTIN_REF, num_threads=1)
    interpreter.allocate_tensors()
given, computed = interpreter.get_input_details()[0], interpreter.get_output_details()[0]

def answer(image):
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
    return {"shape": [int(size) for size in computed["shape"]], "values": base64.b64encode(answer.tobytes()).decode()}

print(json.dumps({"version": importlib.metadata.version("ai-edge-litert")}), flush=True)
size = 4 * int(np.prod(given["shape"]))
while len(image := sys.stdin.buffer.read(size)) == size:
    print(json.dumps(answer(np.frombuffer(image, np.float32).reshape(given["shape"]))), flush=True)
`;

/** A Python that runs a file for as long as it is given images. */
class Interpreter {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #failed: Promise<never>;
  #said = "";

  constructor(python: string, file: string) {
    this.#child = spawn(python, ["-c", program, file]);
    // It may have ended before it has read: its own words say why.
    this.#child.stdin.on("error", () => {});
    this.#child.stderr.on("data", (words) => {
      this.#said += words;
    });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    this.#failed = once(this.#child, "close").then(
      ([code]) => {
        throw refusal(python, new Error(`it ended with ${code}`), this.#said);
      },
      (error) => {
        throw refusal(python, error, this.#said);
      },
    );
    this.#failed.catch(() => {});
  }

  give(image: Float32Array): void {
    this.#child.stdin.write(bytesOf(image));
  }

  /** @throws PeaError with its words where it has ended */
  async answer<T>(): Promise<T> {
    const { value, done } = await Promise.race([this.#lines.next(), this.#failed]);
    return done ? this.#failed : JSON.parse(value);
  }

  async end(): Promise<void> {
    this.#child.stdin.end();
    await this.#failed.catch(() => {});
  }
}

function refusal(python: string, error: Error & { code?: unknown }, said: string): PeaError {
  const last = said.trim().split("\n").at(-1) || error.message.split("\n")[0];
  const isNoCommand = typeof error.code === "string";
  if (isNoCommand || /No module named/.test(said))
    return new PeaError(
      `${python} ${isNoCommand ? `cannot be run (${error.code})` : `has no LiteRT (${last})`}; name a Python that has it with ` +
        "--litert PATH (pip install ai-edge-litert)",
      { kind: "usage", cause: error },
    );
  return new PeaError(`LiteRT in ${python} does not run the file: ${last}`, { cause: error });
}
