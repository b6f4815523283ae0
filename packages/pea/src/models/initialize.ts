/**
 * Initial weights, as far as networks share them (spec networks.md 0).
 *
 * @module
 */
import { Conv2d, init, type Linear, type Module, type Tensor } from "@pea/torch";

/** Overwrites a weight. */
export type Initializer = (weight: Tensor) => Tensor;

/** Draws the kernels of all convolutions; their biases become 0. */
export function initializeConvolutions(model: Module, kernel: Initializer): void {
  for (const module of model.namedModules().values()) {
    if (!(module instanceof Conv2d)) continue;
    kernel(module.weight);
    if (module.bias !== null) init.zeros(module.bias);
  }
}

/** Draws the last layer: by default normal with standard deviation 0.01, as Model Garden; the bias becomes 0. */
export function initializeHead(
  { weight, bias }: Linear,
  kernel: Initializer = (tensor) => init.normal(tensor, 0.01),
): void {
  kernel(weight);
  if (bias !== null) init.zeros(bias);
}
