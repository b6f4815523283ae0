/**
 * The unit most networks are made of.
 *
 * @module
 */
import {
  BatchNormAct2d,
  type BatchNormLayerOptions,
  Conv2d,
  type ConvTranspose2d,
  Module,
  ReLU,
  type Tensor,
} from "@pea/torch";

/** What all units of one network share. */
export interface UnitOptions {
  batchNorm: BatchNormLayerOptions;
  /** ReLU by default. */
  activation?: () => Module;
}

/** Convolution → batch norm → activation, under the names `conv`, `bn` and `act`. */
export class ConvUnit extends Module {
  readonly conv: Conv2d | ConvTranspose2d;
  readonly bn: BatchNormAct2d;
  act: Module;

  constructor(conv: Conv2d | ConvTranspose2d, { batchNorm, activation = () => new ReLU() }: UnitOptions) {
    super();
    this.conv = conv;
    this.bn = new BatchNormAct2d(conv.outputChannels, { ...batchNorm, activation: () => this.act });
    this.act = activation();
  }

  override forward(x: Tensor): Tensor {
    return this.bn.forward(this.conv.forward(x));
  }
}

/** A 1×1 convolution without bias, which batch norm follows. */
export function pointwise(inputs: number, outputs: number): Conv2d {
  return new Conv2d(inputs, outputs, 1, { bias: false });
}
