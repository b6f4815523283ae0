/**
 * The blocks of ERFNet (spec networks.md 5.1). All convolutions have a bias.
 *
 * @module
 */
import {
  add,
  BatchNormAct2d,
  type BatchNormLayerOptions,
  Conv2d,
  ConvTranspose2d,
  cat,
  Dropout2d,
  MaxPool2d,
  Module,
  ReLU,
  runInTurn,
  type Tensor,
} from "@pea/torch";
import { ConvUnit } from "./conv-unit.ts";

/** 3×3 convolution of stride 2 and 2×2 max-pool side by side → BN → activation. */
export class Down extends Module {
  readonly conv: Conv2d;
  readonly pool = new MaxPool2d(2);
  readonly bn: BatchNormAct2d;
  act: Module = new ReLU();

  /** @param outputs more than the inputs: the pool gives as many channels as it gets */
  constructor(inputs: number, outputs: number, batchNorm: BatchNormLayerOptions) {
    super();
    this.conv = new Conv2d(inputs, outputs - inputs, 3, { stride: 2, padding: 1 });
    this.bn = new BatchNormAct2d(outputs, { ...batchNorm, activation: () => this.act });
  }

  /** (N, inputs, H, W) → (N, outputs, H / 2, W / 2) for even H and W; the convolution's channels come first. */
  override forward(x: Tensor): Tensor {
    return this.bn.forward(cat([this.conv.forward(x), this.pool.forward(x)], { dim: 1 }));
  }
}

/** Batch norm whose residual and activation may be left to the caller. */
class PartableBatchNormAct2d extends BatchNormAct2d {
  normalizeAlone(x: Tensor): Tensor {
    return this.normalize(x);
  }
}

/**
 * Non-bottleneck-1D: two pairs of a 3×1 and a 1×3 convolution, the second pair dilated, then the block's input is
 * added. The activation after a 3×1 convolution has no batch norm before it.
 */
export class NonBottleneck1D extends Module {
  readonly conv3x1_1: Conv2d;
  act1: Module = new ReLU();
  readonly conv1x3_1: Conv2d;
  readonly bn1: BatchNormAct2d;
  act2: Module = new ReLU();
  readonly conv3x1_2: Conv2d;
  act3: Module = new ReLU();
  readonly conv1x3_2: Conv2d;
  readonly bn2: PartableBatchNormAct2d;
  readonly dropout: Dropout2d;
  act4: Module = new ReLU();

  constructor(
    channels: number,
    { dilation, dropout, batchNorm }: { dilation: number; dropout: number; batchNorm: BatchNormLayerOptions },
  ) {
    super();
    const column = (d: number) =>
      new Conv2d(channels, channels, [3, 1], { padding: [d, 0], dilation: [d, 1] });
    const row = (d: number) => new Conv2d(channels, channels, [1, 3], { padding: [0, d], dilation: [1, d] });
    this.conv3x1_1 = column(1);
    this.conv1x3_1 = row(1);
    this.bn1 = new BatchNormAct2d(channels, { ...batchNorm, activation: () => this.act2 });
    this.conv3x1_2 = column(dilation);
    this.conv1x3_2 = row(dilation);
    this.bn2 = new PartableBatchNormAct2d(channels, { ...batchNorm, activation: () => this.act4 });
    this.dropout = new Dropout2d(dropout);
  }

  /** (N, channels, H, W) → the same shape. */
  override forward(x: Tensor): Tensor {
    const { conv3x1_1, act1, conv1x3_1, bn1, conv3x1_2, act3, conv1x3_2 } = this;
    const y = runInTurn(x, [conv3x1_1, act1, conv1x3_1, bn1, conv3x1_2, act3, conv1x3_2]);
    // Without dropout nothing stands between normalization and sum, so that one kernel can compute all.
    if (!this.dropout.active) return this.bn2.forward(y, x);
    return this.act4.forward(add(this.dropout.forward(this.bn2.normalizeAlone(y)), x));
  }
}

/** (N, inputs, H, W) → (N, outputs, 2H, 2W): transposed 3×3 convolution of stride 2 → BN → activation. */
export class Up extends ConvUnit {
  constructor(inputs: number, outputs: number, batchNorm: BatchNormLayerOptions) {
    super(new ConvTranspose2d(inputs, outputs, 3, { stride: 2, padding: 1, outputPadding: 1 }), {
      batchNorm,
    });
  }
}
