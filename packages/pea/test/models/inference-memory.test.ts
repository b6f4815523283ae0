/** What is alive while a network is evaluated, against a pass that frees nothing before its end. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Identity,
  Module,
  memoryStats,
  noGrad,
  onForward,
  ReLU,
  randn,
  scope,
  type Tensor,
} from "@pea/torch";
import { createModel } from "../../src/models/index.ts";

/** In the place of an activation: the bytes alive when it is called. */
class Gauge extends Module {
  static peak = 0;

  forward(x: Tensor): Tensor {
    Gauge.peak = Math.max(Gauge.peak, memoryStats().bytes);
    return x;
  }
}

/** The most bytes that are alive at any activation beyond those before the pass. */
function peakOf(model: Module, x: Tensor): number {
  const { bytes } = memoryStats();
  Gauge.peak = 0;
  scope(() => noGrad(() => void model.forward(x)));
  return Gauge.peak - bytes;
}

for (const [name, size, share] of [
  ["resnet18", 64, 0.3],
  ["resnet50-small", 32, 0.15],
  ["mobilenet-0.25-small", 32, 0.25],
  ["alexnet-bn", 224, 0.45],
  ["erfnet-segmentation", 32, 0.1],
] as const) {
  test(`${name} holds at most ${share * 100} % of its activations at a time`, () => {
    scope(() => {
      const model = createModel(name).eval();
      for (const [path, module] of model.namedModules()) {
        if (module instanceof ReLU) model.replaceModule(path, new Gauge());
      }
      const x = randn([2, 3, size, size]);
      const peak = peakOf(model, x);
      const unhook = onForward(new Identity(), () => {});
      const all = peakOf(model, x);
      unhook();
      assert.ok(peak <= share * all, `${peak} of ${all} bytes: ${((peak / all) * 100).toFixed()} %`);
      model.dispose();
    });
  });
}
