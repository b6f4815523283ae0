import assert from "node:assert/strict";
import { test } from "node:test";
import {
  abs,
  autocast,
  backward,
  cast,
  crossEntropyLoss,
  detach,
  logSoftmax,
  mseLoss,
  nllLoss,
  softmax,
  TorchError,
  tensor,
  zeros,
} from "@pea/torch";
import { oracleCase, testAgainstPython } from "./oracle.ts";

const logits = [6, 5];
const target = { shape: [6], classes: 5 };

testAgainstPython([
  oracleCase({
    name: "crossEntropyLoss: reductions",
    inputs: { x: logits, y: target },
    python:
      "[F.cross_entropy(x, y), F.cross_entropy(x, y, reduction='sum'), F.cross_entropy(x, y, reduction='none')]",
    run: ({ x, y }) => [
      crossEntropyLoss(x, y),
      crossEntropyLoss(x, y, { reduction: "sum" }),
      crossEntropyLoss(x, y, { reduction: "none" }),
    ],
  }),
  oracleCase({
    name: "crossEntropyLoss: label smoothing, ignored class, class weights",
    inputs: { x: logits, y: target, w: [5] },
    python: `w = w.detach().abs()
output = [F.cross_entropy(x, y, label_smoothing=0.1), F.cross_entropy(x, y, ignore_index=2),
          F.cross_entropy(x, y, ignore_index=2, label_smoothing=0.1, reduction="none"), F.cross_entropy(x, y, w)]`,
    run: ({ x, y, w }) => [
      crossEntropyLoss(x, y, { labelSmoothing: 0.1 }),
      crossEntropyLoss(x, y, { ignoreIndex: 2 }),
      crossEntropyLoss(x, y, { ignoreIndex: 2, labelSmoothing: 0.1, reduction: "none" }),
      crossEntropyLoss(x, y, { weight: abs(detach(w)) }),
    ],
  }),
  oracleCase({
    name: "crossEntropyLoss: maps of pixels, and probabilities as target",
    inputs: { x: [2, 3, 4, 4], y: { shape: [2, 4, 4], classes: 3 }, p: logits, q: logits },
    python: "[F.cross_entropy(x, y), F.cross_entropy(p, q.softmax(1), label_smoothing=0.2)]",
    run: ({ x, y, p, q }) => [
      crossEntropyLoss(x, y),
      crossEntropyLoss(p, softmax(q, 1), { labelSmoothing: 0.2 }),
    ],
  }),
  oracleCase({
    name: "nllLoss, mseLoss",
    inputs: { x: logits, y: target, z: logits },
    python: `[F.nll_loss(x.log_softmax(1), y), F.nll_loss(x.log_softmax(1), y, ignore_index=1, reduction="sum"),
              F.mse_loss(x, z), F.mse_loss(x, z, reduction="none")]`,
    run: ({ x, y, z }) => [
      nllLoss(logSoftmax(x, 1), y),
      nllLoss(logSoftmax(x, 1), y, { ignoreIndex: 1, reduction: "sum" }),
      mseLoss(x, z),
      mseLoss(x, z, { reduction: "none" }),
    ],
  }),
]);

test("label smoothing gives the worked example of the specification", () => {
  const x = tensor([[2, 0.5, -1, 0]], { dtype: "float64", requiresGrad: true });
  const loss = crossEntropyLoss(x, tensor([0], { dtype: "int64" }), { labelSmoothing: 0.1 });
  backward(loss);
  assert.ok(Math.abs(loss.item() - 0.5048495824) < 1e-10);
  const expected = [-0.21490008, 0.13344471, 0.01035379, 0.07110157];
  const gradient = x.grad?.toTypedArray() as Float64Array;
  expected.forEach((value, i) => {
    assert.ok(Math.abs(value - (gradient[i] ?? Number.NaN)) < 1e-8);
  });
});

test("half-precision logits give a float32 loss, under autocast too", () => {
  const x = cast(tensor([[100, -100, 3.03]]), { dtype: "bfloat16" });
  const y = tensor([2], { dtype: "int64" });
  const exact = crossEntropyLoss(cast(x, { dtype: "float32" }), y).item();
  assert.equal(crossEntropyLoss(x, y).dtype, "float32");
  assert.equal(crossEntropyLoss(x, y).item(), exact);
  autocast("bfloat16", () => assert.equal(crossEntropyLoss(x, y).item(), exact));
});

test("targets outside of the classes, of another length, and unknown reductions are errors", () => {
  const x = zeros([2, 3]);
  assert.throws(() => crossEntropyLoss(x, tensor([0, 3], { dtype: "int64" })), TorchError);
  assert.throws(() => crossEntropyLoss(x, tensor([0, 1, 2], { dtype: "int64" })), TorchError);
  assert.throws(() => crossEntropyLoss(x, zeros([2])), TorchError);
  assert.throws(() => mseLoss(x, x, { reduction: "average" as never }), /got average/);
});
