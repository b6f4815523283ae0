import {
  add,
  cast,
  detach,
  div,
  hardtanh,
  mul,
  relu as plainRelu,
  scope,
  sub,
  type Tensor,
  where,
  zeros,
} from "@pea/torch";
import type { EnsembleActOptions, MaskSharing } from "./ensemble-act-options.ts";
import {
  type ElementFunction,
  type KernelActivation,
  kernelActivations,
  kernelNamed,
  type PlainForm,
} from "./kernel-activations.ts";
import { type MaskOptions, maskLike } from "./mask.ts";
import { dense } from "./memory-order.ts";

/**
 * `ensembleAct` composed of plain operators, for every device and twice differentiable: the same masks exactly, the
 * same values within the rounding of float32. Costs several passes over memory and saves more than x for backward: ReLU's
 * output, what Act's own operators save, and for the stochastic ensemble the mask. The options are not checked.
 */
export function ensembleActComposite(x: Tensor, options: EnsembleActOptions): Tensor {
  return composeEnsemble(x, options, maskLike);
}

/** The same with another way to draw the masks. @param drawMask is given a dense tensor */
export function composeEnsemble(
  x: Tensor,
  options: EnsembleActOptions,
  drawMask: (x: Tensor, options: MaskOptions) => Tensor,
): Tensor {
  const { ensemble, smooth, alpha, beta = 1, bound, masks = "element" } = options;
  const relu = (x: Tensor) => (bound === undefined ? plainRelu(x) : hardtanh(x, { min: 0, max: bound }));
  return scope(() => {
    if (alpha === 1) return relu(x);
    const form: PlainForm =
      typeof smooth === "function"
        ? { alone: smooth }
        : kernelActivations[kernelNamed(smooth) as KernelActivation];
    const { alone, beside = alone } = form;
    if (alpha === 0 && ensemble !== "surrogate") return sharpened(alone, beta)(x);
    const act = sharpened(beside, beta);
    const isHalf = x.dtype === "bfloat16" || x.dtype === "float16";
    // Halves are computed in float32 and rounded once, as the kernels do. Casting what has gaps might choose an order.
    const ordered = dense(x);
    const input = isHalf ? cast(ordered, { dtype: "float32" }) : ordered;
    const mixed =
      ensemble === "stochastic"
        ? where(drawShared(input, masks, options, drawMask), relu(input), act(input))
        : alpha === 0
          ? act(input)
          : add(mul(relu(input), alpha), mul(act(input), 1 - alpha));
    const y = ensemble === "surrogate" ? withValuesOf(relu(input), mixed) : mixed;
    return isHalf ? cast(y, { dtype: x.dtype }) : y;
  });
}

/** The mask of the elements of a dense tensor, or what broadcasts to it: of [N, C, 1, …] or [N, 1, …]. */
function drawShared(
  x: Tensor,
  masks: MaskSharing,
  options: MaskOptions,
  drawMask: (x: Tensor, options: MaskOptions) => Tensor,
): Tensor {
  if (masks === "element") return drawMask(x, options);
  const own = masks === "channel" ? 2 : 1;
  const shape = x.shape.map((size, axis) => (axis < own ? size : 1));
  return drawMask(zeros(shape, { dtype: x.dtype, device: x.device }), options);
}

/** Act(βx)/β. */
function sharpened(act: ElementFunction, beta: number): ElementFunction {
  return beta === 1 ? act : (x) => div(act(mul(x, beta)), beta);
}

/** The values of one tensor with the gradient of another: y − sg(y) + sg(values), where sg stops gradients. */
function withValuesOf(values: Tensor, y: Tensor): Tensor {
  return add(sub(y, detach(y)), detach(values));
}
