import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { setNumThreads } from "@pea/torch";
import { createModel } from "../src/models/index.ts";
import { goldenFill } from "./golden-fill.ts";
import { traceTraining } from "./training-trace.ts";

interface Case {
  name: string;
  network: "resnet18" | "mobilenet";
  width: number;
  small: boolean;
  padding: "symmetric" | "same";
  image: [number, number, number];
  classes: number;
  batch: number;
  dtype: "float32" | "float64";
}

const networks: Omit<Case, "name" | "dtype">[] = [
  {
    network: "resnet18",
    width: 0.125,
    small: false,
    padding: "symmetric",
    image: [3, 64, 64],
    classes: 10,
    batch: 6,
  },
  {
    network: "resnet18",
    width: 0.25,
    small: true,
    padding: "symmetric",
    image: [1, 28, 28],
    classes: 10,
    batch: 6,
  },
  {
    network: "mobilenet",
    width: 0.25,
    small: false,
    padding: "same",
    image: [3, 64, 64],
    classes: 10,
    batch: 6,
  },
  {
    network: "mobilenet",
    width: 0.25,
    small: true,
    padding: "symmetric",
    image: [1, 28, 28],
    classes: 10,
    batch: 6,
  },
];

const cases: Case[] = networks.flatMap((network) =>
  (["float32", "float64"] as const).map((dtype) => ({
    ...network,
    dtype,
    name: `${network.network}-${network.width}${network.small ? "-small" : ""}, ${network.padding}, ${dtype}`,
  })),
);

/**
 * Relative to the norm of each tensor: single elements near zero carry the rounding of the large ones. Both sides run
 * on one thread, since a sum in another order can carry an input of ReLU across zero, which moves a gradient by 1e-3.
 */
const tolerance = { float32: 1e-5, float64: 1e-10 };

describe("forward, backward and three training steps as in PyTorch", () => {
  const folder = mkdtempSync(join(tmpdir(), "pea-networks-"));
  let index: Record<string, Record<string, [first: number, length: number]>>;
  let numbers: Float64Array;

  before(() => {
    setNumThreads(1);
    const script = fileURLToPath(new URL("oracle/networks.py", import.meta.url));
    const output = join(folder, "numbers.bin");
    index = JSON.parse(execFileSync("/usr/bin/python3", [script, JSON.stringify(cases), output]).toString());
    const bytes = readFileSync(output);
    numbers = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const { name, network, width, small, padding, image, classes, batch, dtype } of cases) {
    test(name, () => {
      const model = createModel(network, {
        width,
        small,
        classes,
        inputChannels: image[0],
        ...(network === "mobilenet" ? { padding, dropout: 0 } : {}),
      });
      model.to({ dtype });
      goldenFill(model);
      const trace = traceTraining(model, { image, classes, batch });
      model.dispose();

      const expected = index[name] ?? {};
      const names = [...trace.keys()].filter((key) => !key.endsWith("num_batches_tracked"));
      assert.deepEqual(names.sort(), Object.keys(expected).sort());
      for (const key of names) {
        const [first, length] = expected[key] as [number, number];
        const difference = relativeDifference(
          Float64Array.from(trace.get(key) ?? [], Number),
          numbers.subarray(first, first + length),
        );
        assert.ok(difference <= tolerance[dtype], `${key}: relative difference ${difference}`);
      }
    });
  }
});

/** ‖actual − expected‖ / ‖expected‖; NaN where the lengths differ. */
function relativeDifference(actual: Float64Array, expected: Float64Array): number {
  if (actual.length !== expected.length) return Number.NaN;
  const difference = norm(actual.map((value, i) => value - (expected[i] as number)));
  return difference === 0 ? 0 : difference / norm(expected);
}

function norm(values: Float64Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}
