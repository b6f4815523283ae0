import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { type Module, manualSeed, setNumThreads } from "@pea/torch";
import { createModel } from "../../src/models/index.ts";

setNumThreads(1);

/** Mean, standard deviation and largest absolute value of a parameter. */
function statistics(
  model: Module,
  key: string,
): { mean: number; std: number; largest: number; count: number } {
  const values = Array.from(model.namedParameters().get(key)?.toTypedArray() ?? [], Number);
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const std = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count);
  return { mean, std, largest: values.reduce((most, value) => Math.max(most, Math.abs(value)), 0), count };
}

/** Mean 0 and the given standard deviation, within 5 standard errors of a normal sample; the bound is exact. */
function assertDistribution(
  model: Module,
  key: string,
  { std, bound }: { std: number; bound?: number },
): void {
  const measured = statistics(model, key);
  const error = (5 * std) / Math.sqrt(measured.count);
  assert.ok(Math.abs(measured.mean) <= error, `${key}: mean ${measured.mean}, expected 0 ± ${error}`);
  assert.ok(Math.abs(measured.std - std) <= error, `${key}: std ${measured.std}, expected ${std} ± ${error}`);
  if (bound === undefined) return;
  assert.ok(measured.largest <= bound * (1 + 1e-6), `${key}: largest ${measured.largest}, bound ${bound}`);
  assert.ok(
    measured.largest >= 0.8 * bound,
    `${key}: largest ${measured.largest} far from the bound ${bound}`,
  );
}

/** Standard deviation left of a standard normal cut at ±2. */
const CUT = 0.87962566;

beforeEach(() => manualSeed(7));

describe("ResNet-18", () => {
  test("convolutions truncated normal by fan-in, last layer normal 0.01, bias 0", () => {
    const model = createModel("resnet18");
    const stem = Math.sqrt(2 / 147);
    const last = Math.sqrt(2 / (9 * 512));
    assertDistribution(model, "conv1.weight", { std: stem, bound: (2 * stem) / CUT });
    assertDistribution(model, "layer4.1.conv2.weight", { std: last, bound: (2 * last) / CUT });
    assertDistribution(model, "fc.weight", { std: 0.01 });
    assert.equal(statistics(model, "fc.bias").largest, 0);
  });

  test("he-out: convolutions normal by fan-out", () => {
    const model = createModel("resnet18-0.5", { init: "he-out" });
    assertDistribution(model, "conv1.weight", { std: Math.sqrt(2 / (49 * 32)) });
    assertDistribution(model, "layer3.0.downsample.0.weight", { std: Math.sqrt(2 / 128) });
  });

  test("batch norm starts as the identity, also at the end of a block", () => {
    const { mean, std } = statistics(createModel("resnet18-0.25"), "layer2.1.bn2.weight");
    assert.deepEqual({ mean, std }, { mean: 1, std: 0 });
  });
});

test("ResNet-50: as ResNet-18, also at the end of a block", () => {
  const model = createModel("resnet50-0.25");
  const last = Math.sqrt(2 / 128);
  assertDistribution(model, "layer4.2.conv3.weight", { std: last, bound: (2 * last) / CUT });
  assertDistribution(model, "fc.weight", { std: 0.01 });
  const { mean, std } = statistics(model, "layer4.2.bn3.weight");
  assert.deepEqual({ mean, std }, { mean: 1, std: 0 });
});

test("AlexNet-BN: convolutions and linear layers truncated normal by fan-in, the head normal 0.01, bias 0", () => {
  const model = createModel("alexnet-bn-0.25");
  for (const [key, fanIn] of [
    ["features.0.conv.weight", 3 * 121],
    ["features.1.conv.weight", (24 / 2) * 25],
    ["features.2.conv.weight", 64 * 9],
    ["classifier.0.fc.weight", 64 * 36],
    ["classifier.1.fc.weight", 1024],
  ] as const) {
    const std = Math.sqrt(2 / fanIn);
    assertDistribution(model, key, { std, bound: (2 * std) / CUT });
  }
  assertDistribution(model, "head.weight", { std: 0.01 });
  assert.equal(statistics(model, "head.bias").largest, 0);
});

describe("MobileNet-0.25", () => {
  test("slim: normal 0.09 cut at two standard deviations, everywhere", () => {
    const model = createModel("mobilenet-0.25");
    const slim = { std: 0.09 * CUT, bound: 0.18 };
    assertDistribution(model, "features.13.pw.conv.weight", slim);
    assertDistribution(model, "features.13.dw.conv.weight", slim);
    assertDistribution(model, "fc.weight", slim);
    assert.equal(statistics(model, "fc.bias").largest, 0);
  });

  test("he: a depthwise kernel counts 9 inputs; last layer normal 0.01", () => {
    const model = createModel("mobilenet-0.25", { init: "he" });
    assertDistribution(model, "features.13.dw.conv.weight", { std: Math.sqrt(2 / 9) });
    assertDistribution(model, "features.13.pw.conv.weight", { std: Math.sqrt(2 / 256) });
    assertDistribution(model, "fc.weight", { std: 0.01 });
  });

  test("glorot: uniform, a depthwise kernel counts 9C + 9", () => {
    const model = createModel("mobilenet-0.25", { init: "glorot" });
    const depthwise = Math.sqrt(6 / (9 * 256 + 9));
    const dense = Math.sqrt(6 / (256 + 1000));
    assertDistribution(model, "features.13.dw.conv.weight", {
      std: depthwise / Math.sqrt(3),
      bound: depthwise,
    });
    assertDistribution(model, "fc.weight", { std: dense / Math.sqrt(3), bound: dense });
  });
});

describe("ERFNet", () => {
  const he = (fanIn: number) => {
    const std = Math.sqrt(2 / fanIn);
    return { std, bound: (2 * std) / CUT };
  };

  test("classifier: convolutions truncated normal by fan-in, last layer normal 0.01, biases 0", () => {
    const model = createModel("erfnet");
    assertDistribution(model, "features.encoder.layers.0.conv.weight", he(9 * 16));
    assertDistribution(model, "features.encoder.layers.7.conv1x3_2.weight", he(3 * 128));
    assertDistribution(model, "classifier.linear.weight", { std: 0.01 });
    for (const key of ["features.encoder.layers.7.conv1x3_2.bias", "classifier.linear.bias"])
      assert.equal(statistics(model, key).largest, 0);
  });

  test("segmentation: a transposed kernel counts the taps that reach one output pixel", () => {
    const model = createModel("erfnet-segmentation", { encoderHead: true });
    assertDistribution(model, "decoder.layers.0.conv.weight", he(2.25 * 128));
    assertDistribution(model, "decoder.layers.3.conv.weight", he(2.25 * 64));
    assertDistribution(model, "decoder.output_conv.weight", he(16));
    assertDistribution(model, "encoder.output_conv.weight", he(128));
    for (const key of ["decoder.layers.0.conv.bias", "decoder.output_conv.bias"])
      assert.equal(statistics(model, key).largest, 0);
  });

  test("torch-default: uniform, weights and biases; a transposed kernel counts its outputs", () => {
    const uniform = (fanIn: number) => ({ std: 1 / Math.sqrt(3 * fanIn), bound: 1 / Math.sqrt(fanIn) });
    const model = createModel("erfnet-segmentation", { init: "torch-default" });
    assertDistribution(model, "encoder.layers.7.conv1x3_2.weight", uniform(3 * 128));
    assertDistribution(model, "encoder.layers.7.conv1x3_2.bias", uniform(3 * 128));
    assertDistribution(model, "decoder.layers.0.conv.weight", uniform(9 * 64));
    const classifier = createModel("erfnet", { init: "torch-default" });
    assertDistribution(classifier, "classifier.linear.weight", uniform(128));
  });
});

test("the seed fixes the weights", () => {
  const weights = (seed: number) => {
    manualSeed(seed);
    return createModel("mobilenet-0.25-small").stateDict().get("features.3.pw.conv.weight")?.toTypedArray();
  };
  assert.deepEqual(weights(3), weights(3));
  assert.notDeepEqual(weights(3), weights(4));
});
