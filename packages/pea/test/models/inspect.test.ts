import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Conv2d, ConvTranspose2d, Module, manualSeed, ReLU, setNumThreads, type Tensor } from "@pea/torch";
import {
  createModel,
  decayGroups,
  listSites,
  type ModelInfo,
  modelInfo,
  type Site,
  type SiteKind,
} from "../../src/models/index.ts";

setNumThreads(1);

interface Row {
  name: string;
  options?: Record<string, unknown>;
  classes?: number;
  image?: [number, number, number];
  parameters: number;
  macs: number;
  sites: number;
  activationElements: number;
  /** Scalars that weight decay acts on. */
  decayed?: number;
}

/** Spec networks.md 0 to 6 and 10. */
const checklist: Row[] = [
  {
    name: "alexnet-bn",
    parameters: 60_974_792,
    macs: 724_406_816,
    sites: 7,
    activationElements: 658_272,
    decayed: 60_955_656,
  },
  {
    name: "resnet18",
    parameters: 11_689_512,
    macs: 1_814_073_344,
    sites: 17,
    activationElements: 2_308_096,
    decayed: 11_679_912,
  },
  {
    name: "resnet50",
    parameters: 25_557_032,
    macs: 4_089_184_256,
    sites: 49,
    activationElements: 9_608_704,
    decayed: 25_503_912,
  },
  {
    name: "mobilenet-0.25",
    parameters: 470_072,
    macs: 41_030_272,
    sites: 27,
    activationElements: 1_260_672,
    decayed: 453_440,
  },
  {
    name: "mobilenet",
    parameters: 4_231_976,
    macs: 567_716_352 + 1024 * 1000,
    sites: 27,
    activationElements: 4 * 1_260_672,
  },
  {
    name: "erfnet",
    parameters: 2_003_044,
    macs: 2_058_937_088,
    sites: 55,
    activationElements: 7_727_104,
    decayed: 1_991_751,
  },
  {
    name: "erfnet-segmentation",
    classes: 19,
    image: [3, 256, 512],
    parameters: 2_064_191,
    macs: 6_651_084_800,
    sites: 73,
    activationElements: 29_622_272,
    decayed: 2_051_359,
  },
  {
    name: "erfnet-segmentation",
    options: { encoderHead: true },
    classes: 20,
    image: [3, 256, 512],
    parameters: 2_066_836,
    macs: 6_653_181_952,
    sites: 73,
    activationElements: 29_622_272,
  },
  ...small("resnet18-small", 17, [
    [10, [3, 32, 32], 11_173_962, 555_422_720, 557_056],
    [10, [1, 28, 28], 11_172_810, 455_800_832, 434_176],
    [10, [3, 28, 28], 11_173_962, 456_704_000, 434_176],
    [100, [3, 32, 32], 11_220_132, 555_468_800, 557_056],
  ]),
  ...small("mobilenet-0.25-small", 27, [
    [10, [3, 32, 32], 215_642, 3_331_072, 102_912],
    [10, [1, 28, 28], 215_498, 2_895_136, 85_152],
    [10, [3, 28, 28], 215_642, 3_008_032, 85_152],
    [100, [3, 32, 32], 238_772, 3_354_112, 102_912],
  ]),
];

/** Rows of the table in spec networks.md 6. */
function small(
  name: string,
  sites: number,
  rows: [number, [number, number, number], number, number, number][],
): Row[] {
  return rows.map(([classes, image, parameters, macs, activationElements]) => ({
    name,
    classes,
    image,
    parameters,
    macs,
    sites,
    activationElements,
  }));
}

const scalars = (tensors: Tensor[]) => tensors.reduce((sum, { numel }) => sum + numel, 0);

describe("parameters, MACs, sites, activation elements and scalars that decay", () => {
  for (const { name, options = {}, classes = 1000, image = [3, 224, 224], decayed, ...info } of checklist) {
    test(`${name} ${JSON.stringify(options)}, ${classes} classes, ${image.join("×")}`, () => {
      const model = createModel(name, { ...options, classes, inputChannels: image[0] });
      const pixels = name === "erfnet-segmentation" ? image.slice(1) : [];
      assert.deepEqual(modelInfo(model, image), { ...info, outputShape: [classes, ...pixels] });
      if (decayed !== undefined) {
        const groups = decayGroups(model);
        assert.equal(scalars(groups.decayed), decayed);
        assert.equal(scalars(groups.notDecayed), info.parameters - decayed);
      }
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

  test("AlexNet-BN without groups: every grouped convolution costs twice as much", () => {
    const [grouped, whole] = [2, 1].map((groups) =>
      modelInfo(createModel("alexnet-bn-0.125", { groups }), [3, 224, 224]),
    ) as [ModelInfo, ModelInfo];
    assert.equal(whole.macs - grouped.macs, (1_135_256_096 - 724_406_816) / 64);
    assert.equal(whole.parameters - grouped.parameters, (62_387_912 - 60_974_792) / 64);
  });

  test("AlexNet-BN has the same maps for 227 without padding", () => {
    const info = (crop: number) => modelInfo(createModel("alexnet-bn-0.125", { crop }), [3, crop, crop]);
    assert.deepEqual(info(227), info(224));
  });

  test("a transposed convolution costs its input elements times its kernel, per output channel", () => {
    const { macs } = modelInfo(new ConvTranspose2d(4, 6, 3, { stride: 2 }), [4, 5, 7]);
    assert.equal(macs, 4 * 5 * 7 * 6 * 3 * 3);
  });
});

describe("activation sites", () => {
  const elementsOf = (sites: Site[], wanted: SiteKind) =>
    sites.filter(({ kind }) => kind === wanted).reduce((sum, site) => sum + site.elements, 0);

  test("AlexNet-BN: 7 fed by batch norm, in the order of execution", () => {
    const sites = listSites(createModel("alexnet-bn-0.125"), [3, 224, 224]);
    assert.deepEqual(
      sites.map(({ path, kind, elements }) => [path, kind, elements]),
      [
        ["features.0.act", "bn-fed", 290_400 / 8],
        ["features.1.act", "bn-fed", 186_624 / 8],
        ["features.2.act", "bn-fed", 64_896 / 8],
        ["features.3.act", "bn-fed", 64_896 / 8],
        ["features.4.act", "bn-fed", 43_264 / 8],
        ["classifier.0.act", "bn-fed", 4_096 / 8],
        ["classifier.1.act", "bn-fed", 4_096 / 8],
      ],
    );
  });

  test("ResNet-50: 33 fed by batch norm, 16 after an addition, in the order of execution", () => {
    const sites = listSites(createModel("resnet50"), [3, 224, 224]);
    const blocks = [3, 4, 6, 3].flatMap((depth, stage) =>
      Array.from({ length: depth }, (_, block) => `layer${stage + 1}.${block}`),
    );
    assert.deepEqual(
      sites.map(({ path, kind }) => [path, kind]),
      [
        ["relu", "bn-fed"],
        ...blocks.flatMap((block) => [
          [`${block}.relu1`, "bn-fed"],
          [`${block}.relu2`, "bn-fed"],
          [`${block}.relu3`, "post-add"],
        ]),
      ],
    );
    assert.equal(elementsOf(sites, "bn-fed"), 4_089_344);
    assert.equal(elementsOf(sites, "post-add"), 5_519_360);
    // The stride is on the 3×3 convolution: the first site of a block still has the input's resolution.
    assert.deepEqual(sites.find(({ path }) => path === "layer2.0.relu1")?.shape, [128, 56, 56]);
  });

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
    assert.equal(elementsOf(sites, "bn-fed"), 1_555_456);
    assert.equal(elementsOf(sites, "post-add"), 752_640);
  });

  const dilations = [2, 4, 8, 16, 2, 4, 8, 16];
  /** Paths and kinds of the sites of one block each. */
  const transition = (at: string) => [[`${at}.act`, "bn-fed"]];
  const residual = (at: string) => [
    [`${at}.act1`, "bare-conv"],
    [`${at}.act2`, "bn-fed"],
    [`${at}.act3`, "bare-conv"],
    [`${at}.act4`, "post-add"],
  ];
  const encoder = (at: string) => [
    ...transition(`${at}.initial_block`),
    ...transition(`${at}.layers.0`),
    ...[1, 2, 3, 4, 5].flatMap((n) => residual(`${at}.layers.${n}`)),
    ...transition(`${at}.layers.6`),
    ...dilations.flatMap((_, n) => residual(`${at}.layers.${n + 7}`)),
  ];

  test("ERFNet classifier: 16 fed by batch norm, 26 by a convolution, 13 after an addition", () => {
    const sites = listSites(createModel("erfnet"), [3, 224, 224]);
    assert.deepEqual(
      sites.map(({ path, kind }) => [path, kind]),
      encoder("features.encoder"),
    );
    assert.equal(elementsOf(sites, "bn-fed"), 2_308_096);
    assert.equal(elementsOf(sites, "bare-conv"), 3_612_672);
    assert.equal(elementsOf(sites, "post-add"), 1_806_336);
  });

  test("ERFNet segmentation: 22 fed by batch norm, 34 by a convolution, 17 after an addition", () => {
    const sites = listSites(createModel("erfnet-segmentation"), [3, 256, 512]);
    const decoder = [0, 1, 2, 3, 4, 5].flatMap((n) =>
      (n % 3 === 0 ? transition : residual)(`decoder.layers.${n}`),
    );
    assert.deepEqual(
      sites.map(({ path, kind }) => [path, kind]),
      [...encoder("encoder"), ...decoder],
    );
    assert.equal(elementsOf(sites, "bn-fed"), 9_175_040);
    assert.equal(elementsOf(sites, "bare-conv"), 13_631_488);
    assert.equal(elementsOf(sites, "post-add"), 6_815_744);
    assert.deepEqual(sites.at(-1)?.shape, [16, 128, 256]);
  });

  test("ERFNet's residual blocks are dilated in the second pair of convolutions, and keep the size", () => {
    const model = createModel("erfnet-0.25");
    for (const [n, dilation] of [1, 1, 1, 1, 1, null, ...dilations].entries()) {
      if (dilation === null) continue;
      const block = `features.encoder.layers.${n + 1}`;
      const text = (name: string) => String(model.getModule(`${block}.${name}`));
      assert.match(text("conv3x1_1"), /\[3,1\], padding: \[1,0\], dilation: \[1,1\]/);
      assert.match(text("conv1x3_1"), /\[1,3\], padding: \[0,1\], dilation: \[1,1\]/);
      assert.ok(text("conv3x1_2").endsWith(`[3,1], padding: [${dilation},0], dilation: [${dilation},1])`));
      assert.ok(text("conv1x3_2").endsWith(`[1,3], padding: [0,${dilation}], dilation: [1,${dilation}])`));
    }
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
    const images: [string, number][] = [
      ["alexnet-bn-0.125", 224],
      ["resnet18-0.25-small", 32],
      ["resnet50-0.125", 64],
      ["mobilenet-0.25-small", 32],
      ["erfnet-0.25", 64],
      ["erfnet-segmentation-0.25", 64],
    ];
    for (const [name, size] of images) {
      const model = createModel(name);
      const defined = [...model.namedModules()].filter(([, module]) => module instanceof ReLU);
      assert.deepEqual(
        listSites(model, [3, size, size]).map(({ path }) => path),
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

  test("ResNet-50 has torchvision's 320", () => {
    const blocks = [3, 4, 6, 3].flatMap((depth, stage) =>
      Array.from({ length: depth }, (_, block) => {
        const at = `layer${stage + 1}.${block}`;
        return [
          ...[1, 2, 3].flatMap((n) => [`${at}.conv${n}.weight`, ...batchNorm(`${at}.bn${n}`)]),
          ...(block === 0 ? [`${at}.downsample.0.weight`, ...batchNorm(`${at}.downsample.1`)] : []),
        ];
      }).flat(),
    );
    const expected = ["conv1.weight", ...batchNorm("bn1"), ...blocks, "fc.weight", "fc.bias"];
    assert.equal(expected.length, 320);
    assert.deepEqual([...createModel("resnet50-0.125").stateDict().keys()], expected);
  });

  test("AlexNet-BN has 44", () => {
    const expected = [
      ...[0, 1, 2, 3, 4].flatMap((n) => [`features.${n}.conv.weight`, ...batchNorm(`features.${n}.bn`)]),
      ...[0, 1].flatMap((n) => [`classifier.${n}.fc.weight`, ...batchNorm(`classifier.${n}.bn`)]),
      "head.weight",
      "head.bias",
    ];
    assert.equal(expected.length, 44);
    assert.deepEqual([...createModel("alexnet-bn-0.125").stateDict().keys()], expected);
  });

  const withBias = (name: string) => [`${name}.weight`, `${name}.bias`];
  const transition = (at: string) => [...withBias(`${at}.conv`), ...batchNorm(`${at}.bn`)];
  const residual = (at: string) => [
    ...withBias(`${at}.conv3x1_1`),
    ...withBias(`${at}.conv1x3_1`),
    ...batchNorm(`${at}.bn1`),
    ...withBias(`${at}.conv3x1_2`),
    ...withBias(`${at}.conv1x3_2`),
    ...batchNorm(`${at}.bn2`),
  ];
  const encoder = (at: string) => [
    ...transition(`${at}.initial_block`),
    ...Array.from({ length: 15 }, (_, n) =>
      (n % 6 === 0 && n < 12 ? transition : residual)(`${at}.layers.${n}`),
    ).flat(),
  ];
  const decoder = [
    ...Array.from({ length: 6 }, (_, n) =>
      (n % 3 === 0 ? transition : residual)(`decoder.layers.${n}`),
    ).flat(),
    ...withBias("decoder.output_conv"),
  ];

  test("ERFNet classifier has its authors' 257", () => {
    const expected = [...encoder("features.encoder"), ...withBias("classifier.linear")];
    assert.equal(expected.length, 257);
    const state = createModel("erfnet").stateDict();
    assert.deepEqual([...state.keys()], expected);
    assert.deepEqual(state.get("features.encoder.initial_block.conv.weight")?.shape, [13, 3, 3, 3]);
    assert.deepEqual(state.get("features.encoder.layers.7.conv3x1_2.weight")?.shape, [128, 128, 3, 1]);
    assert.deepEqual(state.get("features.encoder.layers.7.conv1x3_2.weight")?.shape, [128, 128, 1, 3]);
  });

  test("ERFNet segmentation has its authors' 345, or 343 without the head of the encoder", () => {
    const head = withBias("encoder.output_conv");
    const keys = (encoderHead: boolean) => [
      ...createModel("erfnet-segmentation", { encoderHead }).stateDict().keys(),
    ];
    assert.deepEqual(keys(false), [...encoder("encoder"), ...decoder]);
    assert.deepEqual(keys(true), [...encoder("encoder"), ...head, ...decoder]);
    assert.deepEqual([keys(false).length, keys(true).length], [343, 345]);
    const state = createModel("erfnet-segmentation").stateDict();
    assert.deepEqual(state.get("decoder.layers.0.conv.weight")?.shape, [128, 64, 3, 3]);
    assert.deepEqual(state.get("decoder.output_conv.weight")?.shape, [16, 19, 2, 2]);
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
  test("depthwise kernels do not decay", () => {
    const model = createModel("mobilenet-0.25");
    const kernels = [...model.namedParameters()].filter(([key]) => key.endsWith("dw.conv.weight"));
    const { notDecayed } = decayGroups(model);
    assert.equal(scalars(kernels.map(([, kernel]) => kernel)), 11_160);
    assert.ok(kernels.every(([, kernel]) => notDecayed.includes(kernel)));
  });

  test("a stem of one input channel is no depthwise convolution", () => {
    const model = createModel("mobilenet-0.25-small", { inputChannels: 1 });
    const stem = model.namedParameters().get("features.0.conv.weight") as Tensor;
    assert.ok(decayGroups(model).decayed.includes(stem));
  });

  test("ERFNet: kernels decay, biases of convolutions do not, the bias of the last linear layer does", () => {
    for (const name of ["erfnet-0.25", "erfnet-segmentation-0.25"]) {
      const model = createModel(name);
      const { decayed } = decayGroups(model);
      const keys = [...model.namedParameters()]
        .filter(([, value]) => decayed.includes(value))
        .map(([key]) => key);
      const expected = [...model.namedParameters().keys()].filter(
        (key) => (key.endsWith("weight") && !/\.bn\d?\./.test(key)) || key === "classifier.linear.bias",
      );
      assert.deepEqual(keys, expected);
    }
  });

  test("biases of convolutions do not decay", () => {
    manualSeed(0);
    const conv = new Conv2d(3, 4, 3);
    assert.deepEqual(decayGroups(conv), { decayed: [conv.weight], notDecayed: [conv.bias] });
  });
});
