/**
 * What stands beside a convolution and its batch norm while they train.
 *
 * @module
 */
import { add, BatchNorm2d, Conv2d, init, Module, ModuleList, sidesByAxis, type Tensor } from "@pea/torch";

/** norm(conv(x)). */
export class NormalizedConv extends Module {
  readonly norm: BatchNorm2d;

  constructor(
    readonly conv: Conv2d,
    { eps, momentum }: BatchNorm2d,
  ) {
    super();
    this.norm = new BatchNorm2d(conv.outputChannels, { eps, momentum });
  }

  override forward(x: Tensor): Tensor {
    return this.norm.forward(this.conv.forward(x));
  }
}

/** A convolution whose kernel has a middle that lies on the pixel of its output: 1×1 with the same strides reads just that. */
export function isCentred({ kernelSize, options: { padding = 0, dilation = 1 } }: Conv2d): boolean {
  const sides = sidesByAxis(padding);
  const dilations = typeof dilation === "number" ? [dilation, dilation] : dilation;
  return kernelSize.every((size, axis) => {
    const half = ((size - 1) / 2) * (dilations[axis] ?? 1);
    return size % 2 === 1 && sides[axis]?.every((zeros) => zeros === half);
  });
}

/**
 * The branches beside a k×k convolution and its batch norm (Ding et al., "RepVGG: Making VGG-style ConvNets Great Again", 2021):
 * 1×1, and where input and output are of one shape the identity, each with a batch norm of its own; and further k×k ones
 * (Vasu et al., "MobileOne: An Improved One millisecond Mobile Backbone", 2022).
 */
export class Branches extends Module {
  readonly copies: ModuleList;
  readonly pointwise: NormalizedConv;
  /** Undefined where input and output differ in shape. */
  readonly identity: BatchNorm2d | undefined;

  /**
   * @param conv centred
   * @param norm behind it
   * @param options.copies convolutions of its size, itself among them
   * @param options.gamma of all batch norms at first
   */
  constructor(conv: Conv2d, norm: BatchNorm2d, { copies, gamma }: { copies: number; gamma: number }) {
    super();
    const { inputChannels, outputChannels, kernelSize, options } = conv;
    const { stride = 1, groups = 1 } = options;
    const [height = 1, width = 1] = kernelSize;
    const own = { ...options, bias: false };
    this.copies = new ModuleList(
      Array.from(
        { length: copies - 1 },
        () => new NormalizedConv(new Conv2d(inputChannels, outputChannels, [height, width], own), norm),
      ),
    );
    const single = new Conv2d(inputChannels, outputChannels, 1, { stride, groups, bias: false });
    this.pointwise = new NormalizedConv(single, norm);
    const keepsShape =
      inputChannels === outputChannels && `${[stride].flat().filter((step) => step !== 1)}` === "";
    this.identity = keepsShape
      ? new BatchNorm2d(outputChannels, { eps: norm.eps, momentum: norm.momentum })
      : undefined;
    for (const { weight } of this.norms) init.constant(weight, gamma);
  }

  /** All with a convolution. */
  get convolutions(): NormalizedConv[] {
    return [...(this.copies as Iterable<NormalizedConv>), this.pointwise];
  }

  get norms(): BatchNorm2d[] {
    return [...this.convolutions.map(({ norm }) => norm), ...(this.identity ? [this.identity] : [])];
  }

  /** [N, C, H, W] → the sum of all branches, in the shape that the convolution gives. */
  override forward(x: Tensor): Tensor {
    const all: Module[] = [...this.convolutions, ...(this.identity ? [this.identity] : [])];
    return all.map((branch) => branch.forward(x)).reduce((sum, one) => add(sum, one));
  }
}
