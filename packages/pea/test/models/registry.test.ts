import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type BatchNormAct2d,
  backward,
  type Dropout,
  type Dropout2d,
  Linear,
  type Module,
  maxPool2d,
  mean,
  pow,
  ReLU6,
  randn,
  setNumThreads,
  sum,
  zeros,
} from "@pea/torch";
import {
  AlexNet,
  createModel,
  ErfNetClassifier,
  ErfNetSegmentation,
  listModels,
  MobileNet,
  modelInfo,
  ResNet18,
  ResNet50,
  registerModel,
} from "../../src/models/index.ts";
import { usage } from "../support/usage-error.ts";

setNumThreads(1);

describe("names", () => {
  test("family, width and variant", () => {
    assert.ok(createModel("resnet18-0.25") instanceof ResNet18);
    assert.ok(createModel("resnet50-0.125") instanceof ResNet50);
    assert.ok(createModel("alexnet-bn-0.125") instanceof AlexNet);
    assert.ok(createModel("mobilenet-0.25-small") instanceof MobileNet);
    assert.ok(createModel("erfnet-0.25") instanceof ErfNetClassifier);
    assert.ok(createModel("erfnet-segmentation-0.25") instanceof ErfNetSegmentation);
    const shape = (name: string, key: string) => createModel(name).stateDict().get(key)?.shape;
    assert.deepEqual(shape("resnet18-0.5", "conv1.weight"), [32, 3, 7, 7]);
    assert.deepEqual(shape("resnet18-0.5-small", "conv1.weight"), [32, 3, 3, 3]);
    assert.deepEqual(shape("mobilenet-0.5", "fc.weight"), [1000, 512]);
    assert.deepEqual(shape("mobilenet", "fc.weight"), [1000, 1024]);
  });

  test("channels are truncated, and at least 8", () => {
    const state = createModel("mobilenet-0.1").stateDict();
    assert.deepEqual(state.get("features.0.conv.weight")?.shape, [8, 3, 3, 3]);
    assert.deepEqual(state.get("features.3.pw.conv.weight")?.shape, [12, 12, 1, 1]);
    assert.deepEqual(state.get("fc.weight")?.shape, [1000, 102]);
  });

  test("an unknown name is refused with the nearest one", () => {
    assert.throws(() => createModel("resent18"), usage(/unknown model resent18; did you mean resnet18\?/));
    assert.throws(() => createModel("mobilenet-0.25-smal"), usage(/did you mean mobilenet-0.25-small\?/));
  });

  test("a name like no other is refused with those there are", () => {
    assert.throws(
      () => createModel("transformer"),
      usage(/transformer; known are .*resnet18, .*mobilenet-0\.25/),
    );
    assert.throws(() => createModel(""), usage(/known are/));
  });

  test("a small variant only of networks that have one", () => {
    assert.throws(() => createModel("alexnet-bn-small"), usage(/unknown model alexnet-bn-small/));
    assert.throws(() => createModel("alexnet-bn", { small: true }), usage(/no option small/));
  });

  test("every listed network can be built for its own input", () => {
    for (const { name, inputShape, classes } of listModels()) {
      const model = createModel(name, { inputChannels: inputShape[0], classes });
      const parameters = model.parameters();
      assert.equal(parameters[0]?.shape[1], inputShape[0], name);
      assert.equal(parameters.at(-1)?.numel, classes, name);
      model.dispose();
    }
  });
});

test("the autoencoder is no network for classes", () => {
  assert.throws(
    () => createModel("autoencoder", { inputChannels: 1, imageSize: [28, 28], classes: 10 }),
    usage(/gives back the 784 numbers that it reads, .* 10 classes: .*take another network/),
  );
});

describe("options", () => {
  test("reach the network", () => {
    const model = createModel("mobilenet-0.25-small", {
      inputChannels: 2,
      classes: 7,
      dropout: 0.25,
      activation: "relu6",
      batchNormEps: 0.5,
      batchNormMomentum: 0.0003,
    });
    assert.equal((model.getModule("dropout") as Dropout).p, 0.25);
    assert.ok(model.getModule("features.4.pw.act") instanceof ReLU6);
    const { eps, momentum } = model.getModule("features.4.pw.bn") as BatchNormAct2d;
    assert.deepEqual({ eps, momentum }, { eps: 0.5, momentum: 0.0003 });
  });

  test("batch norm: eps 1e-5 for AlexNet and ResNet, 1e-3 for MobileNet and ERFNet, momentum 0.1", () => {
    const settings = (name: string, path: string) => {
      const { eps, momentum } = createModel(name).getModule(path) as BatchNormAct2d;
      return { eps, momentum };
    };
    assert.deepEqual(settings("resnet18-0.25", "layer4.0.downsample.1"), { eps: 1e-5, momentum: 0.1 });
    assert.deepEqual(settings("alexnet-bn-0.125", "classifier.1.bn"), { eps: 1e-5, momentum: 0.1 });
    assert.deepEqual(settings("mobilenet-0.25", "features.0.bn"), { eps: 1e-3, momentum: 0.1 });
    assert.deepEqual(settings("erfnet", "features.encoder.layers.7.bn2"), { eps: 1e-3, momentum: 0.1 });
  });

  test("AlexNet-BN has a dropout before each of its first two linear layers", () => {
    const p = (path: string, options = {}) =>
      (createModel("alexnet-bn-0.125", options).getModule(path) as Dropout).p;
    assert.equal(p("classifier.0.dropout"), 0.5);
    assert.equal(p("classifier.1.dropout"), 0.5);
    assert.equal(p("classifier.1.dropout", { dropout: 0.25 }), 0.25);
  });

  test("AlexNet-BN can do without a learned scale and shift in batch norm", () => {
    const model = createModel("alexnet-bn-0.125", { bnAffine: false, classes: 4 });
    const trainable = (of: Module) => modelInfo(of, [3, 224, 224]).parameters;
    const affine = trainable(createModel("alexnet-bn-0.125", { classes: 4 }));
    assert.equal(trainable(model), affine - 19_136 / 8);
    backward(sum(pow(model.forward(randn([3, 3, 224, 224])), 2)));
    for (const [key, { grad }] of model.namedParameters())
      assert.equal(grad === null, /\.bn\./.test(key), key);
  });

  test("AlexNet-BN refuses images and widths that do not fit it", () => {
    const refused = (options: object, size: number, message: RegExp) => {
      const model = createModel("alexnet-bn-0.125", { ...options });
      assert.throws(() => model.forward(zeros([1, 3, 224, size])), usage(message));
    };
    refused({}, 64, /takes images of 224×224, not 224×64/);
    refused({ crop: 227 }, 224, /takes images of 227×227, not 224×224/);
    assert.throws(() => createModel("alexnet-bn-0.1"), usage(/width 0.1 .* 9 channels, .* groups 1/));
    assert.doesNotThrow(() => createModel("alexnet-bn-0.1", { groups: 1 }));
    assert.throws(() => createModel("alexnet-bn-0.125", { groups: 3 }), usage(/groups .* 1, 2, not 3/));
    assert.throws(() => createModel("alexnet-bn-0.125", { crop: 256 }), usage(/crop .* 224, 227, not 256/));
  });

  test("ERFNet's residual blocks have dropout by channel, between batch norm and sum", () => {
    const p = (name: string, options: object, block: string) =>
      (createModel(name, { ...options }).getModule(`${block}.dropout`) as Dropout2d).p;
    const classifier = (options: object) =>
      [1, 14].map((n) => p("erfnet-0.25", options, `features.encoder.layers.${n}`));
    assert.deepEqual(classifier({}), [0.1, 0.1]);
    assert.deepEqual(classifier({ dropout: 0.2 }), [0.2, 0.2]);
    const segmentation = (options: object) =>
      ["encoder.layers.5", "encoder.layers.7", "decoder.layers.1"].map((block) =>
        p("erfnet-segmentation-0.25", options, block),
      );
    assert.deepEqual(segmentation({}), [0.03, 0.3, 0]);
    assert.deepEqual(segmentation({ dropout: [0.3, 0.3, 0.3] }), [0.3, 0.3, 0.3]);
    for (const dropout of [0.3, [0.3, 0.3]]) {
      assert.throws(
        () => createModel("erfnet-segmentation", { dropout }),
        usage(/three probabilities.*not .*0\.3/),
      );
    }
  });

  test("ERFNet's classifier pools once more where it is asked to", () => {
    const model = createModel("erfnet-0.25", { extraMaxPool: true, classes: 4 });
    const maps = randn([1, 32, 4, 4]);
    const head = model.getModule("features") as Module;
    Object.assign(head.getModule("encoder"), { forward: () => maps });
    const expected = mean(maxPool2d(maps, 2), { dim: [2, 3] });
    assert.deepEqual(head.forward(maps).toTypedArray(), expected.toTypedArray());
  });

  test("ERFNet refuses images and channels that do not fit it", () => {
    for (const name of ["erfnet-0.25", "erfnet-segmentation-0.25"]) {
      assert.throws(
        () => createModel(name).forward(zeros([1, 3, 64, 100])),
        usage(/multiples of 8, not 64×100/),
      );
      assert.throws(
        () => createModel(name).forward(zeros([2, 1, 64, 96])),
        usage(/takes images \[N, 3, H, W\], not \[2, 1, 64, 96\]: build it with inputChannels/),
      );
      assert.throws(
        () => createModel(name).forward(zeros([3, 64, 96])),
        usage(/takes images \[N, 3, H, W\], not \[3, 64, 96\].*a batch of images/),
      );
      assert.throws(
        () => createModel(name, { inputChannels: 8 }),
        usage(/inputChannels is 8, but at width 0\.25 ERFNet has 8 channels.*fewer inputChannels/),
      );
    }
    assert.throws(
      () => createModel("erfnet-0.1"),
      usage(/width is 0\.1, at which ERFNet would have 8, 8 and 12 channels.*choose a larger width/),
    );
  });

  test("the authors' head of ERFNet's encoder is left out of a state dict where there is none", () => {
    const source = createModel("erfnet-segmentation-0.25", { encoderHead: true });
    const state = source.stateDict();
    const target = createModel("erfnet-segmentation-0.25");
    target.loadStateDict(new Map([...state].map(([key, value]) => [`module.${key}`, value])));
    for (const [key, value] of target.stateDict()) {
      assert.deepEqual(value.toTypedArray(), state.get(key)?.toTypedArray(), key);
    }
    assert.throws(() => source.loadStateDict(target.stateDict()), /missing keys \(2\): encoder\.output_conv/);
    const other = new Map(state).set("decoder.other", zeros([1]));
    assert.throws(() => target.loadStateDict(other), /unexpected keys \(1\): decoder\.other/);
  });

  test("that cannot be are refused by name and value", () => {
    assert.throws(() => createModel("resnet18", { classes: 0 }), usage(/classes .* not 0/));
    assert.throws(() => createModel("resnet18", { inputChannels: 1.5 }), usage(/inputChannels .* not 1.5/));
    assert.throws(() => createModel("mobilenet-0"), usage(/width must be a number above 0, not 0/));
    assert.throws(
      () => createModel("mobilenet", { padding: "valid" }),
      usage(/padding .* symmetric, same, not valid/),
    );
    assert.throws(
      () => createModel("resnet18", { init: "slim" }),
      usage(/init .* he-truncated, he-out, not slim/),
    );
  });

  test("the network does not have are refused with the nearest one", () => {
    assert.throws(
      () => createModel("resnet18", { padding: "same" }),
      usage(/resnet18 has no option padding; known are inputChannels, .*init/),
    );
    assert.throws(() => createModel("mobilenet", { dropOut: 0.1 }), usage(/did you mean dropout\?/));
  });

  test("may not contradict the name", () => {
    assert.throws(
      () => createModel("mobilenet-0.25", { width: 0.5 }),
      usage(/mobilenet-0.25 sets width to 0.25/),
    );
    assert.deepEqual(
      createModel("mobilenet", { width: 0.25 }).stateDict().get("fc.weight")?.shape,
      [1000, 256],
    );
  });
});

describe("own networks", () => {
  const inputShape = [1, 28, 28] as const;

  test("are built and listed by their name", () => {
    registerModel({
      name: "one-layer",
      description: "a test",
      inputShape,
      classes: 10,
      create: ({ classes = 10 }) => new Linear(784, classes),
    });
    assert.deepEqual((createModel("one-layer", { classes: 3 }) as Linear).bias?.shape, [3]);
    assert.deepEqual(listModels().at(-1), {
      name: "one-layer",
      description: "a test",
      inputShape,
      classes: 10,
    });
  });

  test("is told what its description lacks", () => {
    const whole = { name: "half", description: "", inputShape, classes: 1, create: () => new Linear(1, 1) };
    const lacks = (more: object, message: RegExp) =>
      assert.throws(() => registerModel({ ...whole, ...more } as never), usage(message));
    lacks({ create: undefined }, /^create of model half is missing, but must be a function$/);
    lacks(
      { inputShape: [28, 28] },
      /^inputShape of model half is \[28,28\], but must be channels, height and width/,
    );
    lacks({ classes: 0 }, /^classes of model half is 0, but must be a whole number of at least 1$/);
  });

  test("may not take a name that exists", () => {
    const create = () => new Linear(1, 1);
    for (const name of ["one-layer", "resnet18", "mobilenet-0.75-small"]) {
      const model = { name, description: "", inputShape, classes: 1, create };
      assert.throws(() => registerModel(model), usage(new RegExp(`${name} exists already`)));
    }
  });
});
