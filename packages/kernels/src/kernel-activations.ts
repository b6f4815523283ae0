/**
 * The smooth activations that have a kernel (native/activations.h), and what they are in plain operators.
 *
 * @module
 */
import { activationNamed } from "@pea/core";
import {
  add,
  call,
  elu,
  gelu,
  hardswish,
  hardtanh,
  mish,
  mul,
  sigmoid,
  silu,
  sub,
  type Tensor,
} from "@pea/torch";

/** A function of each element alone, differentiable: floating-point tensors of any shape to the same shape. */
export type ElementFunction = (x: Tensor) => Tensor;

/** An activation of plain operators. */
export interface PlainForm {
  /** As it runs alone, at α = 0. */
  alone: ElementFunction;
  /** As it runs beside ReLU, for gradients in any memory order; default: as alone. */
  beside?: ElementFunction;
}

export const kernelActivations = {
  // libtorch 1.13's own gelu computes wrong gradients where the one that arrives is channels last and x is not.
  gelu: { alone: gelu, beside: (x) => mul(x, call("aten::special_ndtr", x)) },
  swish: { alone: silu },
  mish: { alone: mish },
  elu: { alone: elu },
  // The slope of libtorch 1.13's own at −3 is −1/2.
  hardswish: { alone: hardswish, beside: (x) => mul(x, mul(hardtanh(add(x, 3), { min: 0, max: 6 }), 1 / 6)) },
  "gelu-tanh": { alone: (x) => gelu(x, { approximate: "tanh" }) },
  "b-silu": { alone: (x) => sub(mul(add(x, 1.67), sigmoid(x)), 1.67 / 2) },
} as const satisfies Record<string, PlainForm>;

/** Name of an activation that has a kernel: `swish` is x σ(x), `gelu` the erf form, `elu` has the scale 1; `b-silu` is (x + 1.67) σ(x) − 0.835. */
export type KernelActivation = keyof typeof kernelActivations;

/** The kernel of an activation, by its name or an alias, in letters of either size (`SiLU` is swish); undefined where there is none. */
export function kernelNamed(name: string): KernelActivation | undefined {
  const known = activationNamed(name)?.name ?? name;
  return hasKernel(known) ? known : undefined;
}

/** Whether an activation has a kernel of this name. */
export function hasKernel(name: string): name is KernelActivation {
  return Object.hasOwn(kernelActivations, name);
}
