import assert from "node:assert/strict";
import { test } from "node:test";
import { Conv2d, contiguous, noGrad, onForward, randn, setNumThreads, type Tensor } from "@pea/torch";
import { createModel } from "../../src/models/index.ts";

setNumThreads(1);

test("dtype and memory format reach every weight", () => {
  const model = createModel("mobilenet-0.25-small").to({ dtype: "float64", memoryFormat: "channels_last" });
  for (const [key, value] of model.stateDict()) {
    if (key.endsWith("num_batches_tracked")) continue;
    assert.equal(value.dtype, "float64", key);
    if (value.ndim === 4) assert.ok(value.isContiguous("channels_last"), key);
  }
});

for (const { name, options = {}, size = 64 } of [
  { name: "alexnet-bn-0.125", size: 224 },
  { name: "resnet18-0.125" },
  { name: "resnet50-0.125" },
  { name: "mobilenet-0.25" },
  { name: "mobilenet-0.25", options: { padding: "same" } },
  { name: "mobilenet-v2-0.25" },
  { name: "shufflenet-v2-0.5" },
  { name: "efficientnet-lite0-0.25" },
  { name: "regnetx-400mf-0.25" },
  { name: "resnet8" },
  { name: "mobilenet-vww" },
  { name: "unet-0.125" },
  { name: "unet-0.125", options: { up: "bilinear" }, size: 72 },
  { name: "erfnet-0.25" },
  { name: "erfnet-segmentation-0.25" },
]) {
  test(`${name} ${JSON.stringify(options)}: channels_last from end to end, in training and evaluation`, () => {
    const model = createModel(name, options).to({ memoryFormat: "channels_last" });
    let maps = 0;
    for (const [path, module] of model.namedModules()) {
      onForward(module, (_, output: Tensor) => {
        if (output.ndim !== 4) return;
        maps++;
        assert.ok(output.isContiguous("channels_last"), `${path} leaves channels_last`);
      });
    }
    const units = [...model.namedModules().values()].filter((module) => module instanceof Conv2d).length;
    const x = contiguous(randn([2, 3, size, size]), { memoryFormat: "channels_last" });
    for (const training of [true, false]) {
      model.train(training);
      maps = 0;
      noGrad(() => model.forward(x));
      assert.ok(maps > 2 * units, `${maps} maps seen of ${units} convolutions`);
    }
  });
}
