import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { ActivationName } from "@pea/core";
import { type BatchNorm2d, clone, type Module, noGrad, scope, setNumThreads } from "@pea/torch";
import { activationModules, isReLU } from "../src/methods/activation-modules.ts";
import { findPlaces, replaceModules } from "../src/methods/replace-modules.ts";
import { createModel } from "../src/models/index.ts";
import { goldenFill, goldenInput, goldenNumber } from "./golden-fill.ts";

interface Row {
  mode: "eval" | "train";
  activation: ActivationName;
  first: number;
  second: number;
  last: number;
  norm: number;
}

/** Rows of spec networks.md 8 for one network, in its order: eval ReLU, then train ReLU, GELU, Swish, Mish. */
function rows(...values: [number, number, number, number][]): Row[] {
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

const networks: {
  name: string;
  create: () => Module;
  image: [number, number, number];
  rows: Row[];
  /** Statistics of one batch norm's first channel after one ReLU pass in training mode. */
  batchNorm: { path: string; runningVar: number; runningMean: number };
}[] = [
  {
    name: "AlexNet-BN",
    create: () => createModel("alexnet-bn", { dropout: 0 }),
    image: [3, 224, 224],
    rows: rows(
      [6.992655, -2.270019, -2.265099, 163.47475],
      [-0.053371, 0.775163, -0.182288, 63.42392],
      [-0.381279, 0.263329, -0.674172, 56.5529],
      [0.010934, -0.043798, -0.325856, 51.62347],
      [-0.410841, 0.220121, -0.369032, 59.49159],
    ),
    batchNorm: { path: "classifier.0.bn", runningVar: 0.712094, runningMean: -0.182186 },
  },
  {
    name: "ResNet-18",
    create: () => createModel("resnet18"),
    image: [3, 64, 64],
    rows: rows(
      [-38.064623, 22.829927, 11.732039, 1063.97557],
      [-2.577945, 1.453144, -1.64405, 83.0888],
      [-2.220906, 1.008745, -1.449661, 70.40277],
      [-1.231945, 1.279576, -1.589216, 58.00843],
      [-1.367758, 1.014663, -1.627051, 66.77453],
    ),
    batchNorm: { path: "bn1", runningVar: 0.915168, runningMean: 0.016732 },
  },
  {
    name: "ResNet-50",
    create: () => createModel("resnet50"),
    image: [3, 64, 64],
    rows: rows(
      [-1121.423861, -2079.439463, 1311.906733, 32077.14766],
      [-1.658915, -3.049734, 0.158808, 103.62317],
      [-0.390274, -2.376631, 0.156815, 86.60042],
      [-1.918894, -1.025643, -0.11734, 68.64053],
      [-1.451475, -1.159168, 1.934128, 82.79917],
    ),
    batchNorm: { path: "bn1", runningVar: 0.915168, runningMean: 0.016732 },
  },
  {
    name: "MobileNet-0.25, symmetric",
    create: () => createModel("mobilenet-0.25", { dropout: 0 }),
    image: [3, 64, 64],
    rows: rows(
      [0.30119, 0.276718, -0.268899, 9.74919],
      [0.971029, -0.492011, -0.125859, 44.42283],
      [0.55913, -0.001336, 0.6165, 35.9442],
      [0.414128, -0.201003, -0.095204, 31.00556],
      [0.484807, -0.807169, 0.965502, 35.08013],
    ),
    batchNorm: { path: "features.0.bn", runningVar: 1.180604, runningMean: 0.013882 },
  },
  {
    name: "MobileNet-0.25, TF SAME",
    create: () => createModel("mobilenet-0.25", { dropout: 0, padding: "same" }),
    image: [3, 64, 64],
    rows: rows(
      [0.240433, 0.177838, -0.018881, 8.36964],
      [-0.000606, -0.54463, 0.01618, 44.72875],
      [0.489897, -0.274063, -0.344702, 35.7947],
      [-0.236265, 0.036149, -0.017991, 30.82122],
      [-0.344437, 0.434825, -0.035295, 35.89328],
    ),
    batchNorm: { path: "features.0.bn", runningVar: 1.182346, runningMean: 0.018198 },
  },
  {
    name: "ResNet-18 small",
    create: () => createModel("resnet18-small", { classes: 10 }),
    image: [3, 32, 32],
    rows: rows(
      [-47.121857, 3.037925, -35.403705, 109.55998],
      [-2.364666, 0.958563, -0.243233, 8.574],
      [-1.773615, 1.163568, -0.016932, 6.96007],
      [-1.436204, 1.060318, -0.070763, 5.37802],
      [-1.498127, 1.25738, 0.05621, 6.39613],
    ),
    batchNorm: { path: "bn1", runningVar: 0.911635, runningMean: 0.017202 },
  },
  {
    name: "MobileNet-0.25 small, symmetric",
    create: () => createModel("mobilenet-0.25-small", { dropout: 0, inputChannels: 1, classes: 10 }),
    image: [1, 28, 28],
    rows: rows(
      [0.338087, 0.350747, -0.18315, 1.28704],
      [1.441031, -0.579065, -0.1978, 5.41721],
      [0.980412, -0.311323, 0.502039, 4.23461],
      [0.767745, -0.726962, 0.546957, 3.59017],
      [1.406538, -0.01146, 0.089079, 3.98658],
    ),
    batchNorm: { path: "features.0.bn", runningVar: 1.163915, runningMean: 0.018624 },
  },
  {
    name: "MobileNet-0.25 small, TF SAME",
    create: () =>
      createModel("mobilenet-0.25-small", { dropout: 0, inputChannels: 1, classes: 10, padding: "same" }),
    image: [1, 28, 28],
    rows: rows(
      [0.222517, 0.166955, 0.144042, 1.02251],
      [0.055554, -0.201632, 0.247263, 5.17624],
      [-0.053367, -0.700147, -0.007532, 4.20429],
      [-0.215618, -0.062303, 0.377693, 3.35365],
      [-0.242736, -0.265565, 0.042121, 3.43816],
    ),
    batchNorm: { path: "features.0.bn", runningVar: 1.163915, runningMean: 0.018624 },
  },
];

setNumThreads(1);

test("the filling formula gives the published check values", () => {
  const close = (t: number, i: number, expected: number) =>
    assert.ok(Math.abs(goldenNumber(t, i) - expected) < 1e-10, `u(${t}, ${i}) = ${goldenNumber(t, i)}`);
  close(0, 0, 0.3175988623);
  close(0, 2, 0.5232040973);
  close(1, 1, 0.7041337329);
  close(1000, 1, 0.8551955908);
});

for (const { name, create, image, rows, batchNorm } of networks) {
  describe(name, () => {
    /** Outputs of every format, row by row. */
    const outputs: number[][][] = [];
    let afterTraining: { runningVar: number; runningMean: number; batches: number };

    before(() => {
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
            replaceModules(model, sites, () => activationModules[activation]());
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
