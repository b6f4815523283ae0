/**
 * Networks as users write them, small: what each is known for, in the words of @pea/torch alone. ReLU is a module of its own
 * at every place.
 */
import {
  AdaptiveAvgPool2d,
  AvgPool2d,
  adaptiveAvgPool2d,
  add,
  BatchNorm2d,
  Conv2d,
  ConvTranspose2d,
  cat,
  chunk,
  Dropout,
  Flatten,
  flatten,
  interpolate,
  Linear,
  MaxPool2d,
  Module,
  ModuleList,
  mul,
  ReLU,
  ReLU6,
  reshape,
  Sequential,
  Sigmoid,
  type Tensor,
  transpose,
  Upsample,
} from "@pea/torch";

/** Convolution → batch norm → activation. */
const unit = (
  inputs: number,
  outputs: number,
  kernelSize: number,
  { stride = 1, groups = 1, dilation = 1, activation = (): Module => new ReLU() } = {},
) => [
  new Conv2d(inputs, outputs, kernelSize, {
    stride,
    groups,
    dilation,
    padding: (dilation * (kernelSize - 1)) / 2,
    bias: false,
  }),
  new BatchNorm2d(outputs),
  activation(),
];

const head = (channels: number, classes: number) => [
  new AdaptiveAvgPool2d(1),
  new Flatten(),
  new Linear(channels, classes),
];

/** Convolutions with biases; means in the place of maxima; the last maps brought to 7×7 whatever they are. */
const vgg = () =>
  new Sequential(
    ...[new Conv2d(3, 8, 3, { padding: 1 }), new ReLU(), new AvgPool2d(2)],
    ...[
      new Conv2d(8, 16, 3, { padding: 1 }),
      new ReLU(),
      new AvgPool2d(3, { stride: 2, padding: 1, ceilMode: true }),
    ],
    ...[new AdaptiveAvgPool2d(7), new Flatten(), new Linear(16 * 49, 32), new ReLU(), new Dropout()],
    new Linear(32, 10),
  );

/** Half of the channels pass by; then both halves are shuffled. */
class ShuffleUnit extends Module {
  readonly branch: Sequential;

  constructor(channels: number) {
    super();
    const half = channels / 2;
    const [depthwise, norm] = unit(half, half, 3, { groups: half }) as [Conv2d, BatchNorm2d];
    this.branch = new Sequential(...unit(half, half, 1), depthwise, norm, ...unit(half, half, 1));
  }

  override forward(x: Tensor): Tensor {
    const [passing, worked] = chunk(x, 2, { dim: 1 }) as [Tensor, Tensor];
    const joined = cat([passing, this.branch.forward(worked)], { dim: 1 });
    const [batch = 0, channels = 0, height = 0, width = 0] = joined.shape;
    const halves = reshape(joined, [batch, 2, channels / 2, height, width]);
    return reshape(transpose(halves, 1, 2), [batch, -1, height, width]);
  }
}

const shuffleNet = () =>
  new Sequential(...unit(3, 8, 3, { stride: 2 }), new ShuffleUnit(8), new ShuffleUnit(8), ...head(8, 10));

/** 1×1 to few channels, then 1×1 and 3×3 side by side. */
class Fire extends Module {
  readonly squeeze: Conv2d;
  readonly relu1 = new ReLU();
  readonly expand1x1: Conv2d;
  readonly relu2 = new ReLU();
  readonly expand3x3: Conv2d;
  readonly relu3 = new ReLU();

  constructor(inputs: number, squeezed: number, expanded: number) {
    super();
    this.squeeze = new Conv2d(inputs, squeezed, 1);
    this.expand1x1 = new Conv2d(squeezed, expanded, 1);
    this.expand3x3 = new Conv2d(squeezed, expanded, 3, { padding: 1 });
  }

  override forward(x: Tensor): Tensor {
    const y = this.relu1.forward(this.squeeze.forward(x));
    const sides = [
      this.relu2.forward(this.expand1x1.forward(y)),
      this.relu3.forward(this.expand3x3.forward(y)),
    ];
    return cat(sides, { dim: 1 });
  }
}

/** The answer is the mean of a map for each class. */
const squeezeNet = () =>
  new Sequential(
    ...[new Conv2d(3, 8, 3, { stride: 2 }), new ReLU(), new MaxPool2d(3, { stride: 2, ceilMode: true })],
    ...[new Fire(8, 4, 8), new MaxPool2d(3, { stride: 2, ceilMode: true }), new Fire(16, 4, 8)],
    ...[new Dropout(), new Conv2d(16, 10, 1), new ReLU(), new AdaptiveAvgPool2d(1), new Flatten()],
  );

/** Batch norm and ReLU before each convolution, whose result is put beside all that came before. */
class DenseLayer extends Module {
  readonly norm: BatchNorm2d;
  readonly relu = new ReLU();
  readonly conv: Conv2d;

  constructor(inputs: number, growth: number) {
    super();
    this.norm = new BatchNorm2d(inputs);
    this.conv = new Conv2d(inputs, growth, 3, { padding: 1, bias: false });
  }

  override forward(x: Tensor): Tensor {
    return cat([x, this.conv.forward(this.relu.forward(this.norm.forward(x)))], { dim: 1 });
  }
}

const denseNet = () =>
  new Sequential(
    ...unit(3, 8, 3, { stride: 2 }),
    ...[new DenseLayer(8, 4), new DenseLayer(12, 4)],
    ...[new BatchNorm2d(16), new ReLU(), new Conv2d(16, 8, 1, { bias: false }), new AvgPool2d(2)],
    ...[new DenseLayer(8, 4), new BatchNorm2d(12), new ReLU()],
    ...head(12, 10),
  );

/** Wide inside, narrow at its ends, which are linear and added where they fit. */
class InvertedResidual extends Module {
  readonly conv: Sequential;
  readonly #isResidual: boolean;

  constructor(inputs: number, outputs: number, stride: number, activation: () => Module) {
    super();
    const hidden = 4 * inputs;
    this.conv = new Sequential(
      ...unit(inputs, hidden, 1, { activation }),
      ...unit(hidden, hidden, 3, { stride, groups: hidden, activation }),
      ...unit(hidden, outputs, 1).slice(0, 2),
    );
    this.#isResidual = stride === 1 && inputs === outputs;
  }

  override forward(x: Tensor): Tensor {
    const y = this.conv.forward(x);
    return this.#isResidual ? add(x, y) : y;
  }
}

const mobileNetV2 = (activation: () => Module) =>
  new Sequential(
    ...unit(3, 8, 3, { stride: 2, activation }),
    new InvertedResidual(8, 8, 1, activation),
    new InvertedResidual(8, 12, 2, activation),
    ...unit(12, 32, 1, { activation }),
    ...head(32, 10),
  );

/** A residual block whose channels are weighed by gates made of their means. */
class GatedBlock extends Module {
  readonly body: Sequential;
  readonly squeeze: Conv2d;
  readonly relu1 = new ReLU();
  readonly excite: Conv2d;
  readonly gate = new Sigmoid();
  readonly relu2 = new ReLU();

  constructor(channels: number) {
    super();
    this.body = new Sequential(...unit(channels, channels, 3).slice(0, 2));
    this.squeeze = new Conv2d(channels, channels / 4, 1);
    this.excite = new Conv2d(channels / 4, channels, 1);
  }

  override forward(x: Tensor): Tensor {
    const y = this.body.forward(x);
    const means = this.relu1.forward(this.squeeze.forward(adaptiveAvgPool2d(y, 1)));
    const gates = this.gate.forward(this.excite.forward(means));
    return this.relu2.forward(add(mul(y, gates), x));
  }
}

const squeezeAndExcitation = () =>
  new Sequential(...unit(3, 8, 3, { stride: 2 }), new GatedBlock(8), new GatedBlock(8), ...head(8, 10));

/** Down, and up again, once by a transposed convolution and once by scaling, beside what was there before. */
class UNet extends Module {
  readonly down1 = new Sequential(...unit(3, 4, 3), ...unit(4, 4, 3));
  readonly down2 = new Sequential(new MaxPool2d(2), ...unit(4, 8, 3));
  readonly bottom = new Sequential(new MaxPool2d(2), ...unit(8, 16, 3));
  readonly up2 = new ConvTranspose2d(16, 8, 2, { stride: 2 });
  readonly join2 = new Sequential(...unit(16, 8, 3));
  readonly up1 = new Upsample({ scaleFactor: 2, mode: "bilinear", alignCorners: true });
  readonly join1 = new Sequential(...unit(12, 4, 3));
  readonly classes = new Conv2d(4, 5, 1);

  override forward(x: Tensor): Tensor {
    const fine = this.down1.forward(x);
    const middle = this.down2.forward(fine);
    const up2 = this.up2.forward(this.bottom.forward(middle));
    const joined = this.join2.forward(cat([middle, up2], { dim: 1 }));
    return this.classes.forward(this.join1.forward(cat([fine, this.up1.forward(joined)], { dim: 1 })));
  }
}

/** Wide views side by side, the mean of the image among them; then the answer at the image's size. */
class DeepLab extends Module {
  readonly body = new Sequential(...unit(3, 8, 3, { stride: 2 }), ...unit(8, 8, 3, { stride: 2 }));
  readonly branches = new ModuleList([
    new Sequential(...unit(8, 4, 1)),
    new Sequential(...unit(8, 4, 3, { dilation: 2 })),
    new Sequential(...unit(8, 4, 3, { dilation: 4 })),
  ]);
  readonly pooled = new Sequential(new AdaptiveAvgPool2d(1), new Conv2d(8, 4, 1), new ReLU());
  readonly classes = new Conv2d(16, 5, 1);

  override forward(x: Tensor): Tensor {
    const maps = this.body.forward(x);
    const at = (height = 0, width = 0) => ({ size: [height, width], mode: "bilinear" as const });
    const mean = interpolate(this.pooled.forward(maps), at(...maps.shape.slice(2)));
    const views = [...this.branches].map((branch) => branch.forward(maps));
    const logits = this.classes.forward(cat([...views, mean], { dim: 1 }));
    return interpolate(logits, at(...x.shape.slice(2)));
  }
}

/** Blocks in a list, called one after the other. */
class PlainList extends Module {
  readonly blocks = new ModuleList(
    [3, 8, 8].map((inputs) => new Sequential(...unit(inputs, 8, 3, { stride: 2 }))),
  );
  readonly fc = new Linear(8, 10);

  override forward(x: Tensor): Tensor {
    let y = x;
    for (const block of this.blocks) y = block.forward(y);
    return this.fc.forward(flatten(adaptiveAvgPool2d(y, 1), { startDim: 1 }));
  }
}

/** A fresh network of each kind, for images [3, height, width] of at least 32×32, in multiples of 4. */
export const networksOfToday: Readonly<Record<string, () => Module>> = {
  "VGG with average pooling": vgg,
  ShuffleNet: shuffleNet,
  SqueezeNet: squeezeNet,
  DenseNet: denseNet,
  "MobileNet-V2 with ReLU": () => mobileNetV2(() => new ReLU()),
  "MobileNet-V2 with ReLU6": () => mobileNetV2(() => new ReLU6()),
  "squeeze-and-excitation": squeezeAndExcitation,
  "U-Net": () => new UNet(),
  DeepLab: () => new DeepLab(),
  "a plain list of blocks": () => new PlainList(),
};
