import { optionsOf } from "../options.ts";
import type { Tensor } from "../tensor.ts";
import { BatchNorm2d, type BatchNormLayerOptions } from "./batch-norm.ts";
import type { Module } from "./module.ts";

/** Options of BatchNormAct2d. */
export interface BatchNormActOptions extends BatchNormLayerOptions {
  /** The activation module at this moment. Its owner holds it, so replacing it there takes effect here. */
  activation: () => Module;
}

/**
 * Batch normalization, an optional residual, and the activation: act(batchNorm(x) [+ residual]). Holding the
 * three together lets one kernel compute them (see setBatchNormKernel). The state-dict keys are those of plain
 * batch normalization; the activation belongs to the module around this one.
 *
 * @example
 * class ConvBlock extends Module {
 *   readonly conv = new Conv2d(3, 8, 3, { bias: false });
 *   readonly bn: BatchNormAct2d = new BatchNormAct2d(8, { activation: () => this.act });
 *   readonly act: Module = new ReLU();
 *   forward(x: Tensor) {
 *     return this.bn.forward(this.conv.forward(x));
 *   }
 * }
 */
export class BatchNormAct2d extends BatchNorm2d {
  readonly #activation: () => Module;

  constructor(channels: number, options: BatchNormActOptions) {
    const { activation, ...batchNorm } = optionsOf(
      "new BatchNormAct2d(channels, { activation, eps, momentum })",
      options,
    );
    super(channels, batchNorm);
    this.#activation = activation;
  }

  /** The activation module that the next forward pass applies. */
  get activation(): Module {
    return this.#activation();
  }

  /** [N, channels, H, W], and a residual of the same shape → the same shape. */
  override forward(input: Tensor, residual?: Tensor): Tensor {
    return this.normalize(input, { residual, activation: this.activation });
  }
}
