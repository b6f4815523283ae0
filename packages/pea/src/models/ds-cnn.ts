/**
 * DS-CNN of MLPerf Tiny, which spots keywords in spectrograms of 49 time steps and 10 coefficients. As the reference in
 * Keras it pads as SAME, and its convolutions have biases.
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
import { ConvUnit, type UnitOptions } from "./conv-unit.ts";
import { initializeConvolutions, initializeHead } from "./initialize.ts";
import type { NetworkFamily } from "./network-family.ts";
import { batchNormOptions, checkModelOptions, type ModelOptions, scaleChannels } from "./options.ts";
import { SameConv2d } from "./same-conv.ts";

/** Options of `DsCnn`. */
export interface DsCnnOptions extends ModelOptions {
  /** Probabilities that the dropouts behind the first convolution and before the mean clear an element; default [0.2, 0.4]. */
  dropout?: readonly [number, number];
}

/** Depthwise 3×3 unit `dw`, then pointwise 1×1 unit `pw`. */
class SeparableBlock extends Module {
  readonly dw: ConvUnit;
  readonly pw: ConvUnit;

  constructor(channels: number, unit: UnitOptions) {
    super();
    this.dw = new ConvUnit(new Conv2d(channels, channels, 3, { padding: 1, groups: channels }), unit);
    this.pw = new ConvUnit(new Conv2d(channels, channels, 1), unit);
  }

  override forward(x: Tensor): Tensor {
    return runInTurn(x, [this.dw, this.pw]);
  }
}

/** DS-CNN: a 10×4 convolution of stride 2 and four separable blocks, all of one width. */
export class DsCnn extends Module {
  readonly stem: ConvUnit;
  readonly dropout1: Dropout;
  readonly blocks: Sequential;
  readonly dropout2: Dropout;
  readonly fc: Linear;

  /** @throws PeaError of kind usage for a count or width that cannot be. */
  constructor(options: DsCnnOptions = {}) {
    super();
    checkModelOptions(options);
    const { inputChannels = 1, classes = 12, width = 1, dropout = [0.2, 0.4] } = options;
    const unit: UnitOptions = { batchNorm: batchNormOptions(options, 1e-3) };
    const channels = scaleChannels(64, width);
    this.stem = new ConvUnit(new SameConv2d(inputChannels, channels, [10, 4], { stride: 2 }), unit);
    this.dropout1 = new Dropout(dropout[0]);
    this.blocks = new Sequential(...Array.from({ length: 4 }, () => new SeparableBlock(channels, unit)));
    this.dropout2 = new Dropout(dropout[1]);
    this.fc = new Linear(channels, classes);
    initializeConvolutions(this, init.glorotUniform);
    initializeHead(this.fc, init.glorotUniform);
  }

  /** (N, inputChannels, time, coefficients) → logits (N, classes). */
  override forward(x: Tensor): Tensor {
    const maps = runInTurn(x, [this.stem, this.dropout1, this.blocks, this.dropout2]);
    return this.fc.forward(flatten(adaptiveAvgPool2d(maps, 1), { startDim: 1 }));
  }
}

export const dsCnn: NetworkFamily = {
  name: "ds-cnn",
  listed: [
    {
      name: "ds-cnn",
      description: "DS-CNN of MLPerf Tiny, for spectrograms of 49×10",
      inputShape: [1, 49, 10],
      classes: 12,
    },
  ],
  ownOptions: ["dropout"],
  create: (options) => new DsCnn(options),
};
