import assert from "node:assert/strict";
import { test } from "node:test";
import { paperTables, parseVariant } from "@pea/core";

const { baselines, best, cityscapes, mobilenet, resnet50, stochastic, weighted } = paperTables;

/** The figures of a row in the paper's column order: GELU, Swish, Mish, each to epoch 115 and to 90. */
function inPaperOrder(row: Readonly<Record<string, number>>, ensemble: "S" | "W"): number[] {
  return ["G115", "G90", "S115", "S90", "M115", "M90"].map((column) => row[ensemble + column]);
}

test("Table 1, baselines", () => {
  assert.deepEqual(baselines, {
    "alexnet-bn": { relu: 60.74, published: 60.1 },
    resnet18: { relu: 70.31, published: 69.57 },
    erfnet: { relu: 66.35, published: null },
    "mobilenet-0.25": { relu: 51.17, published: null },
  });
});

test("Table 2, stochastic", () => {
  assert.deepEqual(inPaperOrder(stochastic["alexnet-bn"], "S"), [61.19, 61.29, 61.21, 61.02, 61.14, 61.15]);
  assert.deepEqual(inPaperOrder(stochastic.resnet18, "S"), [70.51, 70.48, 70.4, 70.49, 70.41, 70.38]);
  assert.deepEqual(inPaperOrder(stochastic.erfnet, "S"), [66.61, 66.7, 66.65, 66.7, 66.62, 66.6]);
  assert.deepEqual(
    inPaperOrder(stochastic["mobilenet-0.25"], "S"),
    [51.62, 51.71, 51.46, 51.55, 51.73, 51.77],
  );
});

test("Table 3, weighted", () => {
  assert.deepEqual(inPaperOrder(weighted["alexnet-bn"], "W"), [61.54, 61.57, 61.49, 61.3, 61.35, 61.48]);
  assert.deepEqual(inPaperOrder(weighted.resnet18, "W"), [70.45, 70.51, 70.25, 70.38, 70.17, 70.35]);
  assert.deepEqual(inPaperOrder(weighted.erfnet, "W"), [66.54, 66.59, 66.55, 66.69, 66.37, 66.59]);
  assert.ok(!("mobilenet-0.25" in weighted));
});

test("Table 4, best and upper limit", () => {
  const rows = Object.entries(best).map(([network, { variant, top1, upperLimit }]) => [
    network,
    variant,
    top1,
    upperLimit.activation,
    upperLimit.top1,
  ]);
  assert.deepEqual(rows, [
    ["alexnet-bn", "WG90", 61.57, "gelu", 62.35],
    ["resnet18", "WG90", 70.51, "swish", 70.89],
    ["erfnet", "SG90", 66.7, "mish", 67.1],
    ["mobilenet-0.25", "SM90", 51.77, "swish", 53.4],
  ]);
});

test("Table 4 repeats Tables 2 and 3", () => {
  for (const [network, { variant, top1 }] of Object.entries(best)) {
    const row: Readonly<Record<string, number>> = {
      ...stochastic[network as keyof typeof stochastic],
      ...weighted[network as keyof typeof weighted],
    };
    assert.equal(row[variant], top1, network);
    assert.equal(Math.max(...Object.values(row)), top1, network);
  }
});

test("Table 5, ResNet-50", () => {
  assert.deepEqual(inPaperOrder(resnet50.gains, "W"), [0.08, 0.18, 0.13, 0.21, -0.05, 0.12]);
  assert.deepEqual(inPaperOrder(resnet50.gains, "S"), [0.15, 0.21, 0.23, 0.22, 0.13, 0.2]);
  assert.deepEqual([resnet50.relu, resnet50.published], [76.81, 75.99]);
  assert.deepEqual(resnet50.best, { variant: "SS115", top1: 77.04 });
  assert.equal((resnet50.relu + resnet50.gains.SS115).toFixed(2), "77.04");
});

test("Table 6, Cityscapes, and the figures of the text", () => {
  assert.deepEqual(cityscapes, {
    relu: 58.26,
    reluPublished: 58.37,
    best: { variant: "WM450", miou: 58.6 },
    smooth: { gelu: 58.62, mish: 58.84, swish: 57.88 },
  });
  assert.deepEqual(mobilenet, { relu6: 50.4, relu6Published: 50.6, weightedElu: 51.29 });
});

test("the keys of PEA runs are variant codes of their table's ensemble", () => {
  const ensembles = (rows: object) =>
    Object.values(rows).flatMap((row) => Object.keys(row).map((code) => parseVariant(code).ensemble));
  assert.deepEqual(ensembles(stochastic), Array(24).fill("stochastic"));
  assert.deepEqual(ensembles(weighted), Array(18).fill("weighted"));
  assert.equal(parseVariant(cityscapes.best.variant).smooth, "mish");
});
