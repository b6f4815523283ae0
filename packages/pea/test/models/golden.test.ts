import assert from "node:assert/strict";
import { test } from "node:test";
import { createModel } from "../../src/models/index.ts";
import { goldenNumber } from "./golden-fill.ts";
import { rows, testGolden } from "./golden-networks.ts";

test("the filling formula gives the published check values", () => {
  const close = (t: number, i: number, expected: number) =>
    assert.ok(Math.abs(goldenNumber(t, i) - expected) < 1e-10, `u(${t}, ${i}) = ${goldenNumber(t, i)}`);
  close(0, 0, 0.3175988623);
  close(0, 2, 0.5232040973);
  close(1, 1, 0.7041337329);
  close(1000, 1, 0.8551955908);
});

testGolden({
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
});

testGolden({
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
});

testGolden({
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
});

testGolden({
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
});

testGolden({
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
});

testGolden({
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
});

testGolden({
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
});
