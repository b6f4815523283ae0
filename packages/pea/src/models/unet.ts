/**
 * U-Net for segmentation with batch norm and padded convolutions, under the state-dict keys of milesial's Pytorch-UNet.
 *
 * @module
 */
import {
  Conv2d,
  ConvTranspose2d,
  cat,
  init,
  MaxPool2d,
  Module,
  pad,
  Sequential,
  type Tensor,
  Upsample,
} from "@pea/torch";
import { ConvSequence } from "./conv-sequence.ts";
import type { UnitOptions } from "./conv-unit.ts";
import { initializeConvolutions } from "./initialize.ts";
import type { NetworkFamily } from "./network-family.ts";
import { batchNormOptions, checkModelOptions, choose, type ModelOptions, scaleChannels } from "./options.ts";

/** Options of `UNet`. */
export interface UNetOptions extends ModelOptions {
  /** How maps become larger: by a transposed convolution (the default), or by bilinear scaling, with half the channels below. */
  up?: "transposed" | "bilinear";
}

/** Two 3×3 convolutions. */
class DoubleConv extends Module {
  readonly double_conv: ConvSequence;

  constructor(inputs: number, middle: number, outputs: number, unit: UnitOptions) {
    super();
    const conv = (from: number, to: number) => ({
      conv: new Conv2d(from, to, 3, { padding: 1, bias: false }),
    });
    this.double_conv = new ConvSequence([conv(inputs, middle), conv(middle, outputs)], unit);
  }

  override forward(x: Tensor): Tensor {
    return this.double_conv.forward(x);
  }
}

/** Half the size, then two convolutions. */
class Down extends Module {
  readonly maxpool_conv: Sequential;

  constructor(inputs: number, outputs: number, unit: UnitOptions) {
    super();
    this.maxpool_conv = new Sequential(new MaxPool2d(2), new DoubleConv(inputs, outputs, outputs, unit));
  }

  override forward(x: Tensor): Tensor {
    return this.maxpool_conv.forward(x);
  }
}

/** Twice the size, beside what was there before, then two convolutions. */
class Up extends Module {
  readonly up: ConvTranspose2d | Upsample;
  readonly conv: DoubleConv;

  /** @param inputs channels from below @param beside channels that were there before */
  constructor(inputs: number, beside: number, outputs: number, isBilinear: boolean, unit: UnitOptions) {
    super();
    const half = Math.floor(inputs / 2);
    this.up = isBilinear
      ? new Upsample({ scaleFactor: 2, mode: "bilinear", alignCorners: true })
      : new ConvTranspose2d(inputs, half, 2, { stride: 2 });
    this.conv = isBilinear
      ? new DoubleConv(inputs + beside, Math.floor((inputs + beside) / 2), outputs, unit)
      : new DoubleConv(half + beside, outputs, outputs, unit);
  }

  /** An odd row or column that was lost below comes back as zeros. */
  override forward(x: Tensor, before: Tensor): Tensor {
    const larger = this.up.forward(x);
    const [rows, columns] = [2, 3].map(
      (axis) => (before.shape[axis] as number) - (larger.shape[axis] as number),
    ) as [number, number];
    const sides = (lost: number) => [Math.floor(lost / 2), lost - Math.floor(lost / 2)];
    const fitting = rows + columns === 0 ? larger : pad(larger, [...sides(columns), ...sides(rows)]);
    return this.conv.forward(cat([before, fitting], { dim: 1 }));
  }
}

/** The reference's name for the last layer. */
class OutConv extends Module {
  readonly conv: Conv2d;

  constructor(inputs: number, classes: number) {
    super();
    this.conv = new Conv2d(inputs, classes, 1);
  }

  override forward(x: Tensor): Tensor {
    return this.conv.forward(x);
  }
}

/** U-Net of four levels. */
export class UNet extends Module {
  readonly inc: DoubleConv;
  readonly down1: Down;
  readonly down2: Down;
  readonly down3: Down;
  readonly down4: Down;
  readonly up1: Up;
  readonly up2: Up;
  readonly up3: Up;
  readonly up4: Up;
  readonly outc: OutConv;

  /** @throws PeaError of kind usage for a count or width that cannot be. */
  constructor(options: UNetOptions = {}) {
    super();
    checkModelOptions(options);
    const { inputChannels = 3, classes = 19, width = 1 } = options;
    const unit: UnitOptions = { batchNorm: batchNormOptions(options, 1e-5) };
    const isBilinear = choose("up", options.up ?? "transposed", { transposed: false, bilinear: true });
    const [c1, c2, c3, c4, c5] = [64, 128, 256, 512, 1024].map((channels) =>
      scaleChannels(channels, width),
    ) as [number, number, number, number, number];
    // Scaling keeps the channels, where a transposed convolution halves them.
    const narrowed = (channels: number) => (isBilinear ? Math.floor(channels / 2) : channels);
    this.inc = new DoubleConv(inputChannels, c1, c1, unit);
    this.down1 = new Down(c1, c2, unit);
    this.down2 = new Down(c2, c3, unit);
    this.down3 = new Down(c3, c4, unit);
    this.down4 = new Down(c4, narrowed(c5), unit);
    this.up1 = new Up(narrowed(c5), c4, narrowed(c4), isBilinear, unit);
    this.up2 = new Up(narrowed(c4), c3, narrowed(c3), isBilinear, unit);
    this.up3 = new Up(narrowed(c3), c2, narrowed(c2), isBilinear, unit);
    this.up4 = new Up(narrowed(c2), c1, c1, isBilinear, unit);
    this.outc = new OutConv(c1, classes);
    initializeConvolutions(this, init.heTruncatedNormal);
  }

  /** (N, inputChannels, H, W), H and W at least 16 → logits of each pixel (N, classes, H, W). */
  override forward(x: Tensor): Tensor {
    const x1 = this.inc.forward(x);
    const x2 = this.down1.forward(x1);
    const x3 = this.down2.forward(x2);
    const x4 = this.down3.forward(x3);
    const x5 = this.down4.forward(x4);
    const y4 = this.up1.forward(x5, x4);
    const y3 = this.up2.forward(y4, x3);
    const y2 = this.up3.forward(y3, x2);
    return this.outc.forward(this.up4.forward(y2, x1));
  }
}

export const uNet: NetworkFamily = {
  name: "unet",
  listed: [
    {
      name: "unet",
      description: "U-Net for segmentation: a class for each pixel",
      inputShape: [3, 256, 512],
      classes: 19,
    },
  ],
  ownOptions: ["up"],
  create: (options) => new UNet(options),
};
