/** Golden outputs of a network, and the tests that compare with them (spec networks.md 8). */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { ActivationName } from "@pea/core";
import { type BatchNorm2d, clone, type Module, noGrad, scope, setNumThreads } from "@pea/torch";
import { createActivation } from "../../src/activations/index.ts";
import { isReLU } from "../../src/methods/activation-modules.ts";
import { findPlaces, replaceModules } from "../../src/methods/replace-modules.ts";
import { goldenFill, goldenInput } from "./golden-fill.ts";

interface Row {
  mode: "eval" | "train";
  activation: ActivationName;
  first: number;
  second: number;
  last: number;
  norm: number;
}

/** Rows of spec networks.md 8 for one network, in its order: eval ReLU, then train ReLU, GELU, Swish, Mish. */
export function rows(...values: [number, number, number, number][]): Row[] {
  const modes = [
    ["eval", "relu"],
    ["train", "relu"],
    ["train", "gelu"],
    ["train", "swish"],
    ["train", "mish"],
  ] as const;
  return modes.map(([mode, activation], index) => {
    const [first, second, last, norm] = values[index] as [number, number, number, number];
    return { mode, activation, first, second, last, norm };
  });
}

/** float64 must agree to the digits printed; float32 must follow it, in both memory formats. */
const formats = [
  { dtype: "float64", memoryFormat: "contiguous" },
  { dtype: "float32", memoryFormat: "contiguous" },
  { dtype: "float32", memoryFormat: "channels_last" },
] as const;

/** A network and its published figures. */
export interface GoldenNetwork {
  name: string;
  /** Without dropout. */
  create: () => Module;
  /** Shape of an image. */
  image: readonly [number, number, number];
  rows: Row[];
  /** Statistics of one batch norm's first channel after one ReLU pass in training mode. */
  batchNorm: { path: string; runningVar: number; runningMean: number };
}

/** Registers the tests of one network. */
export function testGolden({ name, create, image, rows, batchNorm }: GoldenNetwork): void {
  describe(name, () => {
    /** Outputs of every format, row by row. */
    const outputs: number[][][] = [];
    let afterTraining: { runningVar: number; runningMean: number; batches: number };

    before(() => {
      setNumThreads(1);
      // One model is cast from format to format: the largest has 61 million weights.
      const model = create().to({ dtype: "float64" });
      const sites = findPlaces(model, isReLU);
      goldenFill(model);
      const statistics = new Map([...model.namedBuffers()].map(([key, value]) => [key, clone(value)]));
      for (const format of formats) {
        model.to(format);
        outputs.push(
          rows.map(({ mode, activation }) => {
            model.loadStateDict(statistics, { strict: false });
            replaceModules(model, sites, () => createActivation(activation));
            model.train(mode === "train");
            const output = scope(() => {
              const input = goldenInput([mode === "train" ? 4 : 1, ...image], format);
              return Array.from(noGrad(() => model.forward(input)).toTypedArray(), Number);
            });
            if (format.dtype === "float64" && mode === "train" && activation === "relu") {
              const layer = model.getModule(batchNorm.path) as BatchNorm2d;
              afterTraining = {
                runningVar: Number(layer.runningVar.toTypedArray()[0]),
                runningMean: Number(layer.runningMean.toTypedArray()[0]),
                batches: layer.numBatchesTracked.item() as number,
              };
            }
            return output;
          }),
        );
      }
      for (const value of statistics.values()) value.dispose();
      model.dispose();
    });

    for (const [index, row] of rows.entries()) {
      test(`${row.mode}, ${row.activation}: outputs as published`, () => {
        const [float64 = [], ...float32s] = outputs.map((ofFormat) => ofFormat[index] as number[]);
        close("first output", float64[0], row.first, 2e-6);
        close("second output", float64[1], row.second, 2e-6);
        close("last output", float64.at(-1), row.last, 2e-6);
        close("L2 norm", norm(float64), row.norm, 2e-5);
        assert.equal(float32s.length, 2);
        for (const float32 of float32s) {
          const relative = norm(float32.map((value, i) => value - (float64[i] as number))) / norm(float64);
          assert.ok(relative <= 1e-3, `float32: relative L2 difference ${relative}`);
        }
      });
    }

    test("running statistics after one pass in training as published", () => {
      close("running_var", afterTraining.runningVar, batchNorm.runningVar, 2e-6);
      close("running_mean", afterTraining.runningMean, batchNorm.runningMean, 2e-6);
      assert.equal(afterTraining.batches, 1);
    });
  });
}

function norm(values: number[]): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}

function close(what: string, actual: number | undefined, expected: number, tolerance: number): void {
  assert.ok(
    actual !== undefined && Math.abs(actual - expected) <= tolerance,
    `${what}: ${actual}, expected ${expected} ± ${tolerance}`,
  );
}
