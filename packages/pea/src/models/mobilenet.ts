/**
 * MobileNet-V1 at any width, with ReLU in place of ReLU6 (spec networks.md 4 and 6; paper section 4.1).
 *
 * @module
 */
import {
  adaptiveAvgPool2d,
  BatchNormAct2d,
  Conv2d,
  Dropout,
  flatten,
  init,
  Linear,
  Module,
  pad,
  ReLU,
  ReLU6,
  Sequential,
  type Tensor,
} from "@pea/torch";
import { checkModelOptions, choose, type ModelOptions, scaleChannels } from "./options.ts";

/** Options of `MobileNet`. */
export interface MobileNetOptions extends ModelOptions {
  /**
   * Where stride-2 convolutions pad: one pixel on each side (the default), or as TensorFlow's SAME, which puts the
   * odd pixel bottom and right (spec networks.md 0).
   */
  padding?: "symmetric" | "same";
  /** Kernels as in slim (the default), He's truncated normal, or Glorot's uniform; spec networks.md 4.3. */
  init?: "slim" | "he" | "glorot";
  /** `relu6` is the original's activation, for comparison with its published accuracy; default `relu`. */
  activation?: "relu" | "relu6";
  /** Probability that the dropout before the last layer clears an element; default 0.001. */
  dropout?: number;
}

/** Channels and strides of the 13 separable blocks at width 1. */
const BLOCKS: readonly { outputs: number; stride: number }[] = [
  { outputs: 64, stride: 1 },
  { outputs: 128, stride: 2 },
  { outputs: 128, stride: 1 },
  { outputs: 256, stride: 2 },
  { outputs: 256, stride: 1 },
  { outputs: 512, stride: 2 },
  ...Array.from({ length: 5 }, () => ({ outputs: 512, stride: 1 })),
  { outputs: 1024, stride: 2 },
  { outputs: 1024, stride: 1 },
];

/** What all units of one network share. */
interface UnitSettings {
  batchNorm: { eps: number; momentum: number };
  padsSame: boolean;
  activation: () => Module;
}

/** Zeros before and after an axis so that TensorFlow's SAME gives ⌈size / stride⌉ outputs. */
function samePadding(size: number, kernelSize: number, stride: number): [number, number] {
  const total = Math.max((Math.ceil(size / stride) - 1) * stride + kernelSize - size, 0);
  const before = Math.floor(total / 2);
  return [before, total - before];
}

/** Convolution → BN → activation. */
class ConvUnit extends Module {
  readonly conv: Conv2d;
  readonly bn: BatchNormAct2d;
  act: Module;
  readonly #padsSame: boolean;
  readonly #kernelSize: number;
  readonly #stride: number;

  constructor(
    inputs: number,
    outputs: number,
    { kernelSize, stride = 1, groups = 1 }: { kernelSize: number; stride?: number; groups?: number },
    { batchNorm, padsSame, activation }: UnitSettings,
  ) {
    super();
    // At stride 1 an odd kernel's SAME padding is the symmetric one, which the convolution does by itself.
    this.#padsSame = padsSame && stride > 1;
    this.#kernelSize = kernelSize;
    this.#stride = stride;
    this.conv = new Conv2d(inputs, outputs, kernelSize, {
      stride,
      padding: this.#padsSame ? 0 : (kernelSize - 1) / 2,
      groups,
      bias: false,
    });
    this.bn = new BatchNormAct2d(outputs, { ...batchNorm, activation: () => this.act });
    this.act = activation();
  }

  override forward(x: Tensor): Tensor {
    return this.bn.forward(this.conv.forward(this.#padsSame ? this.#padSame(x) : x));
  }

  #padSame(x: Tensor): Tensor {
    const [height, width] = x.shape.slice(-2) as [number, number];
    const vertical = samePadding(height, this.#kernelSize, this.#stride);
    const horizontal = samePadding(width, this.#kernelSize, this.#stride);
    return pad(x, [...horizontal, ...vertical]);
  }
}

/** Depthwise 3×3 unit `dw`, then pointwise 1×1 unit `pw`. */
class SeparableBlock extends Module {
  readonly dw: ConvUnit;
  readonly pw: ConvUnit;

  constructor(inputs: number, outputs: number, stride: number, settings: UnitSettings) {
    super();
    this.dw = new ConvUnit(inputs, inputs, { kernelSize: 3, stride, groups: inputs }, settings);
    this.pw = new ConvUnit(inputs, outputs, { kernelSize: 1 }, settings);
  }

  override forward(x: Tensor): Tensor {
    return this.pw.forward(this.dw.forward(x));
  }
}

/** MobileNet-V1; the small variant has a stem of stride 1. */
export class MobileNet extends Module {
  readonly features: Sequential;
  readonly dropout: Dropout;
  readonly fc: Linear;

  /** @throws PeaError of kind usage for a count or width that cannot be. */
  constructor(options: MobileNetOptions = {}) {
    super();
    checkModelOptions(options);
    const { inputChannels = 3, classes = 1000, width = 1, small = false } = options;
    const settings: UnitSettings = {
      batchNorm: { eps: options.batchNormEps ?? 1e-3, momentum: options.batchNormMomentum ?? 0.1 },
      padsSame: choose("padding", options.padding ?? "symmetric", { symmetric: false, same: true }),
      activation: choose("activation", options.activation ?? "relu", {
        relu: () => new ReLU(),
        relu6: () => new ReLU6(),
      }),
    };
    let channels = scaleChannels(32, width);
    const stem = new ConvUnit(inputChannels, channels, { kernelSize: 3, stride: small ? 1 : 2 }, settings);
    const blocks = BLOCKS.map(({ outputs, stride }) => {
      const inputs = channels;
      channels = scaleChannels(outputs, width);
      return new SeparableBlock(inputs, channels, stride, settings);
    });
    this.features = new Sequential(stem, ...blocks);
    this.dropout = new Dropout(options.dropout ?? 0.001);
    this.fc = new Linear(channels, classes);
    this.#initialize(options.init ?? "slim");
  }

  #initialize(source: string): void {
    const kernel = choose("init", source, {
      slim: (weight: Tensor) => init.truncatedNormal(weight, 0.09),
      he: init.heTruncatedNormal,
      glorot: init.glorotUniform,
    });
    for (const module of this.namedModules().values()) {
      if (module instanceof Conv2d) kernel(module.weight);
    }
    if (source === "he") init.normal(this.fc.weight, 0.01);
    else kernel(this.fc.weight);
    if (this.fc.bias !== null) init.zeros(this.fc.bias);
  }

  /** (N, inputChannels, H, W) → logits (N, classes). */
  override forward(x: Tensor): Tensor {
    const pooled = flatten(adaptiveAvgPool2d(this.features.forward(x), 1), { startDim: 1 });
    return this.fc.forward(this.dropout.forward(pooled));
  }
}
