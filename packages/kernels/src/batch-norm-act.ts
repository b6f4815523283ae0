/**
 * Batch normalization, residual and activation in one operator: what @pea/torch's layers run on once the kernels are
 * loaded.
 *
 * @module
 */
import {
  type AfterBatchNorm,
  activationNameOf,
  type BatchNormState,
  ClippedReLU,
  call,
  type DType,
  type Module,
  type Tensor,
} from "@pea/torch";
import { type ActivationArguments, deferBatchNormAct } from "./deferred-activation.ts";
import { parameterDtypes } from "./dtypes.ts";
import { ensembleArguments } from "./ensemble-act.ts";
import type { EnsembleActOptions } from "./ensemble-act-options.ts";
import { hasKernel, kernelNamed } from "./kernel-activations.ts";

/** An activation module that computes `ensembleAct(x, module.ensembleActOptions)`: batch norm is fused with it. */
export interface EnsembleActModule extends Module {
  /** What the next forward pass computes; null where it is not to be fused. */
  readonly ensembleActOptions: EnsembleActOptions | null;
}

/**
 * activation(batchNorm(input) [+ residual]), differentiable once; saves the input and the residual alone. Statistics
 * are summed in double about values near the mean, whatever the dtype.
 *
 * @returns shape, dtype and memory order of the input; undefined, having done nothing, for an activation without
 * kernel, outside the CPU, and for dtypes other than float32, bfloat16 (each with float32 parameters) and float64
 */
export function batchNormAct(
  input: Tensor,
  state: BatchNormState,
  { residual, activation }: AfterBatchNorm,
): Tensor | undefined {
  const { weight, bias, runningMean, runningVar, training, momentum, eps } = state;
  const settings = activationArguments(activation);
  const parameterDtype = parameterDtypes[input.dtype];
  const perChannel = [weight, bias, runningMean, runningVar];
  if (settings === undefined || !perChannel.every((vector) => isOnCpu(vector, parameterDtype)))
    return undefined;
  if (!isOnCpu(input, input.dtype)) return undefined;
  if (residual !== undefined && !(isOnCpu(residual, input.dtype) && sameShape(residual, input)))
    return undefined;
  const deferred = residual === undefined ? deferBatchNormAct(input, state, settings) : undefined;
  if (deferred !== undefined) return deferred;
  return call("pea::batch_norm_act", input, residual, ...perChannel, training, momentum, eps, ...settings);
}

/** The operator's arguments for an activation, or undefined when it has no kernel. */
function activationArguments(activation: Module | undefined): ActivationArguments | undefined {
  if (activation === undefined) return ["identity"];
  if (isEnsembleActModule(activation)) {
    const options = activation.ensembleActOptions;
    if (options === null) return undefined;
    // Bit for bit what runs in a ReLU network, whatever the smooth activation is.
    if (options.alpha === 1) return reluArguments(options.bound);
    const { smooth } = options;
    return typeof smooth === "function" || kernelNamed(smooth) === undefined
      ? undefined
      : ensembleArguments(options);
  }
  // A subclass may do otherwise.
  if (activation.constructor === ClippedReLU) return reluArguments((activation as ClippedReLU).bound);
  const plain = activationNameOf(activation);
  return plain !== undefined && (plain === "relu" || hasKernel(plain)) ? [plain] : undefined;
}

/** Of ReLU, cut off where there is a bound. */
function reluArguments(bound: number | undefined): ActivationArguments {
  return bound === undefined ? ["relu"] : ["relu", "weighted", 1, 0, 0, 0, 1, bound];
}

function isEnsembleActModule(module: Module): module is EnsembleActModule {
  return "ensembleActOptions" in module;
}

function isOnCpu({ device, dtype }: Tensor, expected: DType | undefined): boolean {
  return device === "cpu" && dtype === expected;
}

function sameShape(a: Tensor, b: Tensor): boolean {
  return a.ndim === b.ndim && a.shape.every((size, dim) => size === b.shape[dim]);
}
