/**
 * Convolutions in a row, as torchvision numbers them.
 *
 * @module
 */
import { BatchNorm2d, BatchNormAct2d, type Conv2d, Module, ReLU, runInTurn, type Tensor } from "@pea/torch";
import type { UnitOptions } from "./conv-unit.ts";

/** Batch norm with a residual behind it, and no activation. */
export class BatchNormAdd2d extends BatchNorm2d {
  /** [N, channels, H, W], and what is added, of the same shape → the same shape. */
  override forward(input: Tensor, residual?: Tensor): Tensor {
    return this.normalize(input, { residual });
  }
}

/** A convolution, batch norm and, unless it is linear, an activation. */
export interface ConvStep {
  readonly conv: Conv2d;
  readonly isLinear?: boolean;
}

/** Convolution → batch norm → activation, one after the other: `0` the first convolution, `1` its batch norm, `2` its activation, … */
export class ConvSequence extends Module {
  /** Names of the modules that are called; batch norm calls the activation behind it. */
  readonly #called: string[] = [];

  constructor(steps: readonly ConvStep[], { batchNorm, activation = () => new ReLU() }: UnitOptions) {
    super();
    const modules: Module[] = [];
    const place = (module: Module): string => String(modules.push(module) - 1);
    for (const { conv, isLinear = false } of steps) {
      this.#called.push(place(conv));
      if (isLinear) {
        this.#called.push(place(new BatchNormAdd2d(conv.outputChannels, batchNorm)));
        continue;
      }
      const name = String(modules.length + 1);
      const norm = new BatchNormAct2d(conv.outputChannels, {
        ...batchNorm,
        activation: () => this.getModule(name),
      });
      this.#called.push(place(norm));
      place(activation());
    }
    Object.assign(this, modules);
  }

  /** @param residual added behind the last batch norm, which must be linear */
  override forward(x: Tensor, residual?: Tensor): Tensor {
    const called = this.#called.map((name) => this.getModule(name));
    return residual === undefined ? runInTurn(x, called) : runWithResidual(x, called, residual);
  }
}

/** Modules one after the other, of which the last, a batch norm, adds a residual. */
export function runWithResidual(x: Tensor, modules: readonly Module[], residual: Tensor): Tensor {
  return (modules.at(-1) as Module).forward(runInTurn(x, modules.slice(0, -1)), residual);
}
