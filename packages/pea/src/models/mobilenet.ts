/**
 * MobileNet-V1 at any width, with ReLU in place of ReLU6 (spec networks.md 4 and 6; paper section 4.1).
 *
 * @module
 */
import {
  adaptiveAvgPool2d,
  Conv2d,
  Dropout,
  flatten,
  init,
  Linear,
  Module,
  runInTurn,
  Sequential,
  type Tensor,
} from "@pea/torch";
import { type ActivationOption, activationOf } from "./activation-option.ts";
import { ConvUnit, type UnitOptions } from "./conv-unit.ts";
import { initializeConvolutions, initializeHead } from "./initialize.ts";
import type { NetworkFamily } from "./network-family.ts";
import { batchNormOptions, checkModelOptions, choose, type ModelOptions, scaleChannels } from "./options.ts";
import { sameConvolution } from "./same-conv.ts";

/** Options of `MobileNet`. */
export interface MobileNetOptions extends ModelOptions, ActivationOption {
  /** The variant for images of about 32×32 pixels (spec networks.md 6); default false. */
  small?: boolean;
  /**
   * Where stride-2 convolutions pad: one pixel on each side (the default), or as TensorFlow's SAME, which puts the
   * odd pixel bottom and right (spec networks.md 0).
   */
  padding?: "symmetric" | "same";
  /** Kernels as in slim (the default), He's truncated normal, or Glorot's uniform; spec networks.md 4.3. */
  init?: "slim" | "he" | "glorot";
  /** Whether convolutions have a bias before batch norm, as Keras's have where nothing is said; default false. */
  bias?: boolean;
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
interface MobileNetUnitOptions extends UnitOptions {
  padsSame: boolean;
  /** Whether convolutions have a bias. */
  bias: boolean;
}

/** Unit of a 3×3 convolution. */
function unit3x3(
  inputs: number,
  outputs: number,
  { stride, groups = 1 }: { stride: number; groups?: number },
  { padsSame, bias, ...unit }: MobileNetUnitOptions,
): ConvUnit {
  const settings = { stride, groups, bias };
  const conv = padsSame
    ? sameConvolution(inputs, outputs, 3, settings)
    : new Conv2d(inputs, outputs, 3, { ...settings, padding: 1 });
  return new ConvUnit(conv, unit);
}

/** Depthwise 3×3 unit `dw`, then pointwise 1×1 unit `pw`. */
class SeparableBlock extends Module {
  readonly dw: ConvUnit;
  readonly pw: ConvUnit;

  constructor(inputs: number, outputs: number, stride: number, unit: MobileNetUnitOptions) {
    super();
    this.dw = unit3x3(inputs, inputs, { stride, groups: inputs }, unit);
    this.pw = new ConvUnit(new Conv2d(inputs, outputs, 1, { bias: unit.bias }), unit);
  }

  override forward(x: Tensor): Tensor {
    return runInTurn(x, [this.dw, this.pw]);
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
    const unit: MobileNetUnitOptions = {
      batchNorm: batchNormOptions(options, 1e-3),
      padsSame: choose("padding", options.padding ?? "symmetric", { symmetric: false, same: true }),
      bias: options.bias ?? false,
      activation: activationOf(options),
    };
    let channels = scaleChannels(32, width);
    const stem = unit3x3(inputChannels, channels, { stride: small ? 1 : 2 }, unit);
    const blocks = BLOCKS.map(({ outputs, stride }) => {
      const inputs = channels;
      channels = scaleChannels(outputs, width);
      return new SeparableBlock(inputs, channels, stride, unit);
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
    initializeConvolutions(this, kernel);
    initializeHead(this.fc, source === "he" ? undefined : kernel);
  }

  /** (N, inputChannels, H, W) → logits (N, classes). */
  override forward(x: Tensor): Tensor {
    const pooled = flatten(adaptiveAvgPool2d(this.features.forward(x), 1), { startDim: 1 });
    return this.fc.forward(this.dropout.forward(pooled));
  }
}

export const mobileNet: NetworkFamily = {
  name: "mobilenet",
  listed: [
    {
      name: "mobilenet-0.25",
      description: "MobileNet-V1 at width 0.25, with ReLU; any other width by name, e.g. mobilenet-0.5",
      inputShape: [3, 224, 224],
      classes: 1000,
    },
    {
      name: "mobilenet-0.25-small",
      description: "MobileNet-V1 at width 0.25 for images of about 32×32: stem of stride 1",
      inputShape: [3, 32, 32],
      classes: 10,
    },
  ],
  ownOptions: ["small", "padding", "init", "activation", "bias", "dropout"],
  create: (options) => new MobileNet(options),
};
