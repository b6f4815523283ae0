/**
 * Folding batch normalization into the convolution before it, for passes in inference that nobody looks into:
 * scale · (W ∗ x + b − mean) + shift = (scale · W) ∗ x + (scale · (b − mean) + shift).
 *
 * @module
 */
import { isGradEnabled, noGrad } from "../autograd.ts";
import { isRecording, recordCalls, type Value } from "../call.ts";
import { cast } from "../ops/cast.ts";
import { mul } from "../ops/pointwise.ts";
import { reshape } from "../ops/shape.ts";
import { keep, scope } from "../scope.ts";
import { Tensor } from "../tensor.ts";
import { batchNormAffine } from "./batch-norm-affine.ts";
import type { BatchNormState } from "./batch-norm-kernel.ts";
import type { Module } from "./module.ts";
import { hasForwardHooks } from "./on-forward.ts";

/** What a convolution computes with in place of its own. */
export interface FoldedConvolution {
  readonly weight: Tensor;
  readonly bias: Tensor;
}

interface Fold extends FoldedConvolution {
  readonly batchNorm: BatchNormState;
}

/** By both layers of a pair. */
const folds = new WeakMap<object, Fold>();

/** The fold that a layer takes part in at this moment: none in training, with gradients, and under `recordCalls`. */
export function activeFold(layer: object): FoldedConvolution | undefined {
  const fold = folds.get(layer);
  return fold === undefined || fold.batchNorm.training || isRecording() || isGradEnabled() ? undefined : fold;
}

/**
 * Until the returned function is called, passes of `model` in inference without gradients use copies of its
 * convolutions' weights with the batch normalization folded in, made now: results differ by float32 rounding. Pairs are
 * found in a recorded pass on `example`: a 2-D convolution whose result one batch normalization reads and nothing else.
 * Nothing is folded in training mode and where a module has an `onForward` hook. Parameters stay as they are, and must
 * stay so meanwhile.
 */
export function foldBatchNorms(model: Module, example: Tensor): () => void {
  const isWatched = [...model.namedModules().values()].some(hasForwardHooks);
  const pairs = model.training || isWatched ? [] : convolutionsBeforeBatchNorm(model, example);
  for (const [convolution, batchNorm] of pairs) {
    const fold = { ...folded(convolution, batchNorm), batchNorm };
    folds.set(convolution, fold);
    folds.set(batchNorm, fold);
  }
  return () => {
    for (const [convolution, batchNorm] of pairs) {
      const { weight, bias } = folds.get(convolution) as Fold;
      folds.delete(convolution);
      folds.delete(batchNorm);
      weight.dispose();
      bias.dispose();
    }
  };
}

interface Convolution {
  readonly weight: Tensor;
  readonly bias: Tensor | null;
}

/** A 2-D convolution, and the batch normalization that alone reads its result. */
export type ConvolutionBeforeBatchNorm = readonly [
  convolution: Module & { readonly weight: Tensor; readonly bias: Tensor | null },
  batchNorm: Module & BatchNormState,
];

/**
 * The 2-D convolutions of a network whose result one batch normalization reads and nothing else, each with it, in the order
 * in which they run; none that runs twice or shares its weight. Found in a recorded pass on `example`, for which the network
 * is best in evaluation mode.
 */
export function convolutionsBeforeBatchNorm(model: Module, example: Tensor): ConvolutionBeforeBatchNorm[] {
  const owners = new Map<unknown, Module[]>();
  for (const module of model.namedModules().values()) {
    const { weight } = module as { weight?: unknown };
    if (weight instanceof Tensor) owners.set(weight, [...(owners.get(weight) ?? []), module]);
  }
  const convolved = new Map<Value, Value>(); // result → weight
  const normalized = new Map<Value, Value>(); // input → weight
  const uses = new Map<Value, number>();
  const count = (value: Value) => uses.set(value, (uses.get(value) ?? 0) + 1);
  scope(() =>
    noGrad(() =>
      recordCalls(
        ({ name, args, result }) => {
          for (const arg of args.flat()) if (arg instanceof Tensor) count(arg);
          if (name === "aten::conv2d") convolved.set(result as Value, args[1]);
          if (name === "aten::batch_norm") normalized.set(args[0], args[1]);
        },
        () => count(model.forward(example)),
      ),
    ),
  );
  return [...normalized].flatMap(([input, batchNormWeight]): ConvolutionBeforeBatchNorm[] => {
    const weight = convolved.get(input);
    const [convolution, ...otherConvolutions] = owners.get(weight) ?? [];
    const [batchNorm, ...otherBatchNorms] = owners.get(batchNormWeight) ?? [];
    // A module that runs twice, or shares its weight, may have another partner elsewhere.
    const once = [input, weight, batchNormWeight].every((tensor) => uses.get(tensor) === 1);
    if (!once || otherConvolutions.length > 0 || otherBatchNorms.length > 0) return [];
    return isConvolution(convolution) && isBatchNorm(batchNorm) ? [[convolution, batchNorm]] : [];
  });
}

/** Of a module whose weight a convolution reads. */
function isConvolution(module: Module | undefined): module is Module & Convolution {
  const { bias } = (module ?? {}) as Partial<Convolution>;
  return bias === null || bias instanceof Tensor;
}

/** Of a module whose weight a batch normalization reads. */
function isBatchNorm(module: Module | undefined): module is Module & BatchNormState {
  const { bias, runningMean, runningVar } = (module ?? {}) as Partial<BatchNormState>;
  return [bias, runningMean, runningVar].every((one) => one instanceof Tensor);
}

/** Computed in float64 and rounded once. */
function folded({ weight, bias }: Convolution, batchNorm: BatchNormState): FoldedConvolution {
  return noGrad(() =>
    scope(() => {
      const { scale, shift } = batchNormAffine(batchNorm, bias);
      const { dtype } = weight;
      return {
        weight: keep(cast(mul(weight, reshape(scale, [-1, 1, 1, 1])), { dtype })),
        bias: keep(cast(shift, { dtype })),
      };
    }),
  );
}
