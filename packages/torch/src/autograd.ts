import { native } from "./binding.ts";
import { call } from "./call.ts";
import { optionsOf } from "./options.ts";
import { rethrow, Tensor, wrapOrNull } from "./tensor.ts";

function withGradMode<T>(enabled: boolean, body: () => T): T {
  const before = native.gradEnabled();
  native.setGradEnabled(enabled);
  try {
    return body();
  } finally {
    native.setGradEnabled(before);
  }
}

/** Runs `body` without recording operators for backward(). Synchronous only. */
export function noGrad<T>(body: () => T): T {
  return withGradMode(false, body);
}

/** Runs `body` recording operators again, inside a noGrad(). */
export function enableGrad<T>(body: () => T): T {
  return withGradMode(true, body);
}

/** Whether operators are being recorded for backward(). */
export function isGradEnabled(): boolean {
  return native.gradEnabled();
}

export interface BackwardOptions {
  /** Gradient of the final value with respect to the tensor; may be left out for a tensor of one element. */
  gradient?: Tensor;
  /** Keep what the graph saved, for another backward(); default false. */
  retainGraph?: boolean;
  /** Record the backward pass itself, for second derivatives; default false. */
  createGraph?: boolean;
}

/**
 * Computes gradients of `loss` and adds them to the `grad` of every leaf that requires one.
 * @throws TorchError when the tensor was not recorded, or is not a scalar and no `gradient` is given
 */
export function backward(loss: Tensor, options: BackwardOptions = {}): void {
  const {
    gradient,
    createGraph = false,
    retainGraph = createGraph,
  } = optionsOf("backward(loss, { gradient, retainGraph, createGraph })", options);
  const gradients = gradient ? [Tensor.handleOf(gradient, "the gradient")] : null;
  rethrow("backward", () =>
    native.backward([Tensor.handleOf(loss, "the loss")], gradients, retainGraph, createGraph),
  );
}

/**
 * Gradients of `outputs` with respect to `inputs`, without touching any `grad`.
 * @returns one tensor per input; null for inputs that no output depends on, if `allowUnused` (otherwise an error)
 */
export function grad(
  outputs: readonly Tensor[],
  inputs: readonly Tensor[],
  options: {
    gradients?: readonly Tensor[];
    retainGraph?: boolean;
    createGraph?: boolean;
    allowUnused?: boolean;
  } = {},
): (Tensor | null)[] {
  const {
    gradients,
    createGraph = false,
    retainGraph = createGraph,
    allowUnused = false,
  } = optionsOf("grad(outputs, inputs, { gradients, retainGraph, createGraph, allowUnused })", options);
  const handles = (tensors: readonly Tensor[], what: string) =>
    tensors.map((tensor) => Tensor.handleOf(tensor, what));
  return rethrow("grad", () =>
    native.grad(
      handles(outputs, "an output"),
      handles(inputs, "an input"),
      gradients ? handles(gradients, "a gradient") : null,
      retainGraph,
      createGraph,
      allowUnused,
    ),
  ).map(wrapOrNull);
}

/** The same values, cut off from the graph (shares memory). */
export function detach(x: Tensor): Tensor {
  return call("aten::detach", x);
}
