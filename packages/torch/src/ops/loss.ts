/**
 * Losses. The gradient of a half-precision input is half precision, the computation is not.
 * @module
 */
import { call } from "../call.ts";
import { TorchError } from "../error.ts";
import { optionsOf } from "../options.ts";
import type { Tensor } from "../tensor.ts";
import { cast } from "./cast.ts";

/** How the losses of single elements are put together; "mean" by default. */
export type Reduction = "none" | "mean" | "sum";

// ATen's enumeration at::Reduction.
const reductionCodes: Record<Reduction, number> = { none: 0, mean: 1, sum: 2 };

/** Options of a loss over classes. */
export interface ClassLossOptions {
  reduction?: Reduction;
  /** Factor of each class, [K]. */
  weight?: Tensor | null;
  /** Targets of this value count neither in the loss nor in the mean; −100 by default. */
  ignoreIndex?: number;
}

/**
 * Cross-entropy −Σ q ln softmax(input) over the class dimension 1 of the logits [N, K, ...], against class
 * numbers (int64, [N, ...]) or probabilities (the shape of the input). With labelSmoothing ε the target q is
 * (1 − ε) · target + ε / K. Half-precision logits are cast to float32 first, under autocast too.
 */
export function crossEntropyLoss(
  input: Tensor,
  target: Tensor,
  options: ClassLossOptions & { labelSmoothing?: number } = {},
): Tensor {
  const {
    weight = null,
    reduction = "mean",
    ignoreIndex,
    labelSmoothing,
  } = optionsOf(
    "crossEntropyLoss(logits, target, { reduction, weight, ignoreIndex, labelSmoothing })",
    options,
  );
  return call(
    "aten::cross_entropy_loss",
    atLeastFloat32(input),
    target,
    weight,
    codeOf(reduction),
    ignoreIndex,
    labelSmoothing,
  );
}

/** −input[target] for log-probabilities [N, K, ...] and class numbers (int64, [N, ...]). */
export function nllLoss(input: Tensor, target: Tensor, options: ClassLossOptions = {}): Tensor {
  const {
    weight = null,
    reduction = "mean",
    ignoreIndex,
  } = optionsOf("nllLoss(logProbabilities, target, { reduction, weight, ignoreIndex })", options);
  return call("aten::nll_loss_nd", atLeastFloat32(input), target, weight, codeOf(reduction), ignoreIndex);
}

/** (input − target)², both of one shape. */
export function mseLoss(input: Tensor, target: Tensor, options: { reduction?: Reduction } = {}): Tensor {
  const { reduction = "mean" } = optionsOf("mseLoss(x, target, { reduction })", options);
  return call("aten::mse_loss", atLeastFloat32(input), target, codeOf(reduction));
}

function codeOf(reduction: Reduction): number {
  const code = reductionCodes[reduction];
  if (code === undefined) throw new TorchError(`reduction must be "none", "mean" or "sum", got ${reduction}`);
  return code;
}

function atLeastFloat32(input: Tensor): Tensor {
  return input.dtype === "bfloat16" || input.dtype === "float16" ? cast(input, { dtype: "float32" }) : input;
}
