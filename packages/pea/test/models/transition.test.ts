/** Networks go through PEA's transition in three steps, on the fused operators, and are exported. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { useKernels } from "@pea/kernels";
import {
  backward,
  contiguous,
  crossEntropyLoss,
  type Module,
  manualSeed,
  noGrad,
  randn,
  SGD,
  scope,
  setNumThreads,
  zeros,
} from "@pea/torch";
import { exportNetwork } from "../../src/export/export.ts";
import { describeActivations } from "../../src/export/other-activations.ts";
import { applyPea, finalize } from "../../src/methods/index.ts";
import { createModel, decayGroups } from "../../src/models/index.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

setNumThreads(1);
useKernels();
const folder = temporaryFolder();
after(() => rmSync(folder, { recursive: true }));

const networks: { name: string; image: number[]; classes: number; sites: number; options?: object }[] = [
  { name: "mobilenet-v2-0.25", image: [3, 64, 64], classes: 10, sites: 35 },
  { name: "shufflenet-v2-0.5", image: [3, 64, 64], classes: 10, sites: 37 },
  { name: "efficientnet-lite0-0.25", image: [3, 64, 64], classes: 10, sites: 33 },
  { name: "regnetx-200mf-0.25", image: [3, 64, 64], classes: 10, sites: 40 },
  { name: "regnetx-400mf-0.25", image: [3, 64, 64], classes: 10, sites: 67 },
  { name: "resnet8", image: [3, 32, 32], classes: 10, sites: 7 },
  { name: "ds-cnn", image: [1, 49, 10], classes: 12, sites: 9 },
  { name: "mobilenet-vww", image: [3, 96, 96], classes: 2, sites: 27 },
  { name: "autoencoder", image: [640, 1, 1], classes: 640, sites: 9 },
  { name: "unet-0.125", image: [3, 36, 44], classes: 5, sites: 18 },
  { name: "unet-0.125", image: [3, 32, 48], classes: 5, sites: 18, options: { up: "bilinear" } },
];

const alphas = [0, 0.5, 1];

for (const { name, image, classes, sites, options } of networks)
  describe(`${name} ${JSON.stringify(options ?? {})}`, () => {
    let model: Module;

    test("takes three steps from the smooth activation to ReLU: every weight moves", () => {
      manualSeed(4);
      model = createModel(name, { inputChannels: image[0] as number, classes, ...options });
      model.to({ memoryFormat: "channels_last" });
      const handle = applyPea(model, { ensemble: "weighted", smooth: "gelu" });
      assert.equal(handle.sites.length, sites);
      const before = new Map([...model.namedParameters()].map(([key, value]) => [key, value.toTypedArray()]));
      const { decayed, notDecayed } = decayGroups(model);
      const groups = [{ parameters: decayed, weightDecay: 2e-4 }, { parameters: notDecayed }];
      const optimizer = new SGD(groups, { lr: 0.01, momentum: 0.9 });
      const x = contiguous(randn([4, ...image]), { memoryFormat: "channels_last" });
      for (const alpha of alphas) {
        handle.alpha = alpha;
        scope(() => {
          const logits = model.forward(x);
          const labels = zeros([4, ...logits.shape.slice(2)], { dtype: "int64" });
          const loss = crossEntropyLoss(logits, labels);
          assert.ok(Number.isFinite(loss.item()), `loss ${loss.item()} at alpha ${alpha}`);
          optimizer.zeroGrad();
          backward(loss);
          optimizer.step();
        });
      }
      // A bias that batch norm takes out again has no gradient but rounding.
      for (const [key, value] of model.namedParameters())
        assert.notDeepEqual(value.toTypedArray(), before.get(key), `${key} has not moved`);
      finalize(model);
    });

    test("is exported as a network whose only activation is ReLU", async () => {
      for (let step = 0; step < 20; step++)
        scope(() => noGrad(() => void model.train().forward(randn([8, ...image]))));
      const file = join(folder, "network.onnx");
      const exported = await exportNetwork(model, file, { inputs: randn([3, ...image]) });
      assert.equal(exported.operators.Relu, sites);
      assert.equal(describeActivations(exported.otherActivations), "Relu is the only activation");
      assert.ok(exported.largestLogit > 0.01);
      model.dispose();
    });
  });
