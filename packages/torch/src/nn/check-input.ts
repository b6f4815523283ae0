import { TorchError } from "../error.ts";
import type { Tensor } from "../tensor.ts";
import type { Module } from "./module.ts";

/** Sizes that a layer expects: a number is required, a letter stands for any size, "..." (first) for any sizes. */
export type ExpectedShape = readonly (number | string)[];

/** @throws TorchError that names the layer, the expected shape and the given one */
export function checkInput(layer: Module, input: Tensor, expected: ExpectedShape): void {
  const { shape } = input;
  const sizes = expected[0] === "..." ? expected.slice(1) : expected;
  const offset = shape.length - sizes.length;
  const fits =
    (sizes === expected ? offset === 0 : offset >= 0) &&
    sizes.every((size, axis) => typeof size === "string" || size === shape[offset + axis]);
  if (!fits) {
    throw new TorchError(
      `${layer} expects an input of shape [${expected.join(", ")}], got [${shape.join(", ")}]`,
    );
  }
}
