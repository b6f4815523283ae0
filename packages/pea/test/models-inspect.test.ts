import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Conv2d, ConvTranspose2d, Module, manualSeed, ReLU, setNumThreads, type Tensor } from "@pea/torch";
import { createModel, decayGroups, listSites, modelInfo } from "../src/models/index.ts";

setNumThreads(1);

/** Spec networks.md 2, 4, 6 and 10: classes, image, parameters, MACs, sites, activation elements. */
const checklist: [string, number, [number, number, number], number, number, number, number][] = [
  ["resnet18", 1000, [3, 224, 224], 11_689_512, 1_814_073_344, 17, 2_308_096],
  ["mobilenet-0.25", 1000, [3, 224, 224], 470_072, 41_030_272, 27, 1_260_672],
  ["resnet18-small", 10, [3, 32, 32], 11_173_962, 555_422_720, 17, 557_056],
  ["resnet18-small", 10, [1, 28, 28], 11_172_810, 455_800_832, 17, 434_176],
  ["resnet18-small", 10, [3, 28, 28], 11_173_962, 456_704_000, 17, 434_176],
  ["resnet18-small", 100, [3, 32, 32], 11_220_132, 555_468_800, 17, 557_056],
  ["mobilenet-0.25-small", 10, [3, 32, 32], 215_642, 3_331_072, 27, 102_912],
  ["mobilenet-0.25-small", 10, [1, 28, 28], 215_498, 2_895_136, 27, 85_152],
  ["mobilenet-0.25-small", 10, [3, 28, 28], 215_642, 3_008_032, 27, 85_152],
  ["mobilenet-0.25-small", 100, [3, 32, 32], 238_772, 3_354_112, 27, 102_912],
  ["mobilenet", 1000, [3, 224, 224], 4_231_976, 567_716_352 + 1024 * 1000, 27, 4 * 1_260_672],
];

describe("parameters, MACs, sites and activation elements", () => {
  for (const [name, classes, image, parameters, macs, sites, activationElements] of checklist) {
    test(`${name}, ${classes} classes, ${image.join("×")}`, () => {
      const model = createModel(name, { classes, inputChannels: image[0] });
      assert.deepEqual(modelInfo(model, image), { parameters, macs, sites, activationElements });
      model.dispose();
    });
  }

  test("SAME padding counts as symmetric padding does", () => {
    const options = { inputChannels: 1, classes: 10 };
    const [symmetric, same] = (["symmetric", "same"] as const).map((padding) =>
      modelInfo(createModel("mobilenet-0.25-small", { ...options, padding }), [1, 28, 28]),
    );
    assert.deepEqual(same, symmetric);
  });

  test("a transposed convolution costs its input elements times its kernel, per output channel", () => {
    const { macs } = modelInfo(new ConvTranspose2d(4, 6, 3, { stride: 2 }), [4, 5, 7]);
    assert.equal(macs, 4 * 5 * 7 * 6 * 3 * 3);
  });
});

describe("activation sites", () => {
  test("ResNet-18: 9 fed by batch norm, 8 after an addition, in the order of execution", () => {
    const sites = listSites(createModel("resnet18"), [3, 224, 224]);
    const blocks = [1, 2, 3, 4].flatMap((stage) => [0, 1].map((block) => `layer${stage}.${block}`));
    assert.deepEqual(
      sites.map(({ index, path, kind }) => [index, path, kind]),
      [
        ["relu", "bn-fed"],
        ...blocks.flatMap((block) => [
          [`${block}.relu1`, "bn-fed"],
          [`${block}.relu2`, "post-add"],
        ]),
      ].map(([path, kind], index) => [index, path, kind]),
    );
    assert.deepEqual(sites[0]?.shape, [64, 112, 112]);
    assert.deepEqual(sites.at(-1)?.shape, [512, 7, 7]);
    const elements = (wanted: string) =>
      sites.filter(({ kind }) => kind === wanted).reduce((sum, site) => sum + site.elements, 0);
    assert.equal(elements("bn-fed"), 1_555_456);
    assert.equal(elements("post-add"), 752_640);
  });

  test("MobileNet: 27 fed by batch norm, in the order of execution", () => {
    const sites = listSites(createModel("mobilenet-0.25"), [3, 224, 224]);
    const blocks = Array.from({ length: 13 }, (_, n) => [
      `features.${n + 1}.dw.act`,
      `features.${n + 1}.pw.act`,
    ]);
    assert.deepEqual(
      sites.map(({ path }) => path),
      ["features.0.act", ...blocks.flat()],
    );
    assert.ok(sites.every(({ kind }) => kind === "bn-fed"));
    const elements = (part: string) =>
      sites.filter(({ path }) => path.includes(part)).reduce((sum, site) => sum + site.elements, 0);
    assert.equal(elements("dw"), 482_944);
    assert.equal(elements("pw"), 677_376);
  });

  test("the order of definition, which PEA numbers sites by, is the order of execution", () => {
    for (const name of ["resnet18-0.25-small", "mobilenet-0.25-small"]) {
      const model = createModel(name);
      const defined = [...model.namedModules()].filter(([, module]) => module instanceof ReLU);
      assert.deepEqual(
        listSites(model, [3, 32, 32]).map(({ path }) => path),
        defined.map(([path]) => path),
      );
    }
  });

  test("a site after a convolution without batch norm is named so, and any other too", () => {
    class Net extends Module {
      readonly conv = new Conv2d(3, 4, 3);
      readonly act1 = new ReLU();
      readonly act2 = new ReLU();
      forward(x: Tensor): Tensor {
        return this.act2.forward(this.act1.forward(this.conv.forward(x)));
      }
    }
    assert.deepEqual(
      listSites(new Net(), [3, 8, 8]).map(({ path, kind }) => [path, kind]),
      [
        ["act1", "bare-conv"],
        ["act2", "other"],
      ],
    );
  });

  test("looking changes neither modes nor running statistics", () => {
    const model = createModel("mobilenet-0.25-small");
    const frozen = model.getModule("features.0.bn");
    frozen.eval();
    const mean = model.stateDict().get("features.1.dw.bn.running_mean")?.toTypedArray();
    modelInfo(model, [3, 32, 32]);
    assert.equal(frozen.training, false);
    assert.equal(model.training, true);
    assert.deepEqual(model.stateDict().get("features.1.dw.bn.running_mean")?.toTypedArray(), mean);
  });
});

describe("state-dict keys", () => {
  const batchNorm = (prefix: string) =>
    ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"].map(
      (name) => `${prefix}.${name}`,
    );

  test("ResNet-18 has torchvision's 122", () => {
    const blocks = [1, 2, 3, 4].flatMap((stage) =>
      [0, 1].flatMap((block) => {
        const at = `layer${stage}.${block}`;
        const projects = stage > 1 && block === 0;
        return [
          ...[1, 2].flatMap((n) => [`${at}.conv${n}.weight`, ...batchNorm(`${at}.bn${n}`)]),
          ...(projects ? [`${at}.downsample.0.weight`, ...batchNorm(`${at}.downsample.1`)] : []),
        ];
      }),
    );
    const expected = ["conv1.weight", ...batchNorm("bn1"), ...blocks, "fc.weight", "fc.bias"];
    assert.equal(expected.length, 122);
    for (const name of ["resnet18-0.25", "resnet18-0.25-small"]) {
      assert.deepEqual([...createModel(name).stateDict().keys()], expected);
    }
  });

  test("MobileNet has 164", () => {
    const unit = (at: string) => [`${at}.conv.weight`, ...batchNorm(`${at}.bn`)];
    const blocks = Array.from({ length: 13 }, (_, n) => [
      ...unit(`features.${n + 1}.dw`),
      ...unit(`features.${n + 1}.pw`),
    ]);
    const expected = [...unit("features.0"), ...blocks.flat(), "fc.weight", "fc.bias"];
    assert.equal(expected.length, 164);
    for (const name of ["mobilenet-0.25", "mobilenet-0.25-small"]) {
      const state = createModel(name).stateDict();
      assert.deepEqual([...state.keys()], expected);
      assert.deepEqual(state.get("features.2.dw.conv.weight")?.shape, [16, 1, 3, 3]);
    }
  });
});

describe("decay groups", () => {
  const scalars = (tensors: Tensor[]) => tensors.reduce((sum, { numel }) => sum + numel, 0);

  test("ResNet-18: batch norm does not decay", () => {
    const { decayed, notDecayed } = decayGroups(createModel("resnet18"));
    assert.equal(scalars(decayed), 11_679_912);
    assert.equal(scalars(notDecayed), 9_600);
  });

  test("MobileNet-0.25: neither batch norm nor depthwise kernels decay", () => {
    const { decayed, notDecayed } = decayGroups(createModel("mobilenet-0.25"));
    assert.equal(scalars(decayed), 453_440);
    assert.equal(scalars(notDecayed), 11_160 + 5_472);
  });

  test("a stem of one input channel is no depthwise convolution", () => {
    const model = createModel("mobilenet-0.25-small", { inputChannels: 1 });
    const stem = model.namedParameters().get("features.0.conv.weight") as Tensor;
    assert.ok(decayGroups(model).decayed.includes(stem));
  });

  test("biases of convolutions do not decay", () => {
    manualSeed(0);
    const conv = new Conv2d(3, 4, 3);
    assert.deepEqual(decayGroups(conv), { decayed: [conv.weight], notDecayed: [conv.bias] });
  });
});
