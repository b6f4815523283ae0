/** Three training steps here and in PyTorch (oracle/training.py), and the tests that compare them. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { batchNormAct, conv3x3, loadKernels } from "@pea/kernels";
import { type ConvKernel, manualSeed, setBatchNormKernel, setConvKernel, setNumThreads } from "@pea/torch";
import { replaceActivation } from "../src/methods/index.ts";
import { createModel } from "../src/models/index.ts";
import { goldenFill } from "./golden-fill.ts";
import { traceTraining } from "./training-trace.ts";

const skip = !loadKernels() && "the kernels are not built";

/** What is trained; the options are those of `createModel`, and oracle/networks.py knows them too. */
export interface TracedNetwork {
  network: string;
  options: Readonly<Record<string, unknown>>;
  image: readonly [number, number, number];
  classes: number;
  batch: number;
}

type Activation = "relu" | "swish";
type FloatType = "float32" | "float64";

/** Everything that happened, by name: see `Trace`. */
type Numbers = Map<string, Float64Array>;

/**
 * Relative to the norm of each tensor (see `scaleOf`): single elements near zero carry the rounding of the large ones. Both sides run
 * on one thread, since a sum in another order can carry an input of ReLU across zero, which moves a gradient by 1e-2.
 */
const tolerance = { float32: 1e-5, float64: 1e-10 };

const nameOf = ({ network, options }: TracedNetwork) => `${network} ${JSON.stringify(options)}`;

/** How PyTorch's results of one training are named. */
const caseName = (network: TracedNetwork, activation: Activation, dtype: FloatType) =>
  `${nameOf(network)}, ${activation}, ${dtype}`;

/** Convolutions that ran on the kernel so far. */
export let ownConvolutions = 0;

const countedConv3x3: ConvKernel = (...given) => {
  const result = conv3x3(...given);
  if (result !== undefined) ownConvolutions++;
  return result;
};

/** Registers the tests; Python runs once for all networks. */
export function testTraining(networks: readonly TracedNetwork[]): void {
  describe("forward, backward and three training steps", () => {
    let inPyTorch: Map<string, Numbers>;

    before(() => {
      setNumThreads(1);
      inPyTorch = trainInPyTorch(networks);
    });

    const expected = (...of: Parameters<typeof caseName>) => inPyTorch.get(caseName(...of)) ?? new Map();

    for (const network of networks) {
      for (const dtype of ["float32", "float64"] as const) {
        test(`${nameOf(network)}, ${dtype}, on plain operators: as in PyTorch`, () => {
          const actual = trainHere(network, "relu", dtype, "plain");
          assertClose(actual, expected(network, "relu", dtype), () => tolerance[dtype]);
        });
      }

      test(`${nameOf(network)}, float64, on the fused operators: as in PyTorch`, { skip }, () => {
        for (const activation of ["relu", "swish"] as const) {
          const actual = trainHere(network, activation, "float64", "fused");
          assertClose(actual, expected(network, activation, "float64"), () => tolerance.float64);
        }
      });

      // With Swish: at ReLU's kink the rounding of either side decides, and PyTorch's own float32 is 3 % off then.
      // Sums in another order move the error of a single tensor by several times, but not that of all alike.
      test(`${nameOf(network)}, float32, on the fused operators: as exact as PyTorch`, { skip }, () => {
        const exact = expected(network, "swish", "float64");
        const inPyTorch = errorsOf(expected(network, "swish", "float32"), exact);
        const here = trainHere(network, "swish", "float32", "fused");
        assertClose(here, exact, (key) => Math.max(5 * (inPyTorch.get(key) ?? 0), tolerance.float32));
        const ratios = [...errorsOf(here, exact)].map(([key, error]) => error / (inPyTorch.get(key) ?? 0));
        const typical = Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
        assert.ok(typical <= 2, `errors are ${typical.toFixed(2)} times PyTorch's, in the geometric mean`);
      });
    }
  });
}

/** Every training in PyTorch, by `caseName`. */
function trainInPyTorch(networks: readonly TracedNetwork[]): Map<string, Numbers> {
  const cases = networks.flatMap((network) =>
    (["relu", "swish"] as const).flatMap((activation) =>
      (["float32", "float64"] as const).map((dtype) => ({
        ...network,
        activation,
        dtype,
        name: caseName(network, activation, dtype),
      })),
    ),
  );
  const folder = mkdtempSync(join(tmpdir(), "pea-networks-"));
  try {
    const script = fileURLToPath(new URL("oracle/training.py", import.meta.url));
    const output = join(folder, "numbers.bin");
    const index: Record<string, Record<string, [first: number, length: number]>> = JSON.parse(
      execFileSync("/usr/bin/python3", ["-B", script, JSON.stringify(cases), output]).toString(),
    );
    const bytes = readFileSync(output);
    const numbers = new Float64Array(
      bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength),
    );
    return new Map(
      Object.entries(index).map(([name, entries]) => [
        name,
        new Map(
          Object.entries(entries).map(([key, [first, length]]) => [
            key,
            numbers.subarray(first, first + length),
          ]),
        ),
      ]),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The same training here: contiguous on plain operators, or in channels_last on the fused ones. */
function trainHere(
  { network, options, image, classes, batch }: TracedNetwork,
  activation: Activation,
  dtype: FloatType,
  operators: "plain" | "fused",
): Numbers {
  const isFused = operators === "fused";
  const model = createModel(network, { ...options, classes, inputChannels: image[0] });
  setBatchNormKernel(isFused ? batchNormAct : undefined);
  setConvKernel(isFused ? countedConv3x3 : undefined);
  replaceActivation(model, activation);
  const memoryFormat = isFused ? "channels_last" : "contiguous";
  goldenFill(model.to({ dtype, memoryFormat }));
  manualSeed(0);
  const trace = traceTraining(model, { image, batch, memoryFormat });
  model.dispose();
  return new Map([...trace].map(([key, values]) => [key, Float64Array.from(values, Number)]));
}

/** How far each tensor is off, at least by half a unit in float32's last place, which no result can be blamed for. */
function errorsOf(actual: Numbers, exact: Numbers): Map<string, number> {
  return new Map(
    [...exact].map(([key, values]) => {
      const error = relativeDifference(actual.get(key), values, scaleOf(key, exact));
      return [key, Math.max(error, 2 ** -24)];
    }),
  );
}

function assertClose(actual: Numbers, expected: Numbers, toleranceOf: (key: string) => number): void {
  assert.deepEqual([...actual.keys()].sort(), [...expected.keys()].sort());
  for (const [key, values] of expected) {
    const difference = relativeDifference(actual.get(key), values, scaleOf(key, expected));
    assert.ok(difference <= toleranceOf(key), `${key}: relative difference ${difference}`);
  }
}

/**
 * What a difference is relative to: the norm of the tensor. The gradient of a bias that batch norm takes out again is
 * nothing but rounding, so that the gradient of the weight beside it gives the scale.
 */
function scaleOf(key: string, numbers: Numbers): number {
  const weight = numbers.get(key.replace(/^(gradient\..*\.)bias$/, "$1weight")) as Float64Array;
  return Math.max(norm(numbers.get(key) as Float64Array), norm(weight));
}

/** ‖actual − expected‖ / scale; NaN where the lengths differ. */
function relativeDifference(
  actual: Float64Array | undefined,
  expected: Float64Array | undefined,
  scale: number,
): number {
  if (actual === undefined || actual.length !== expected?.length) return Number.NaN;
  const difference = norm(actual.map((value, i) => value - (expected[i] as number)));
  return difference === 0 ? 0 : difference / scale;
}

function norm(values: Float64Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}
