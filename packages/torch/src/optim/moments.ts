/**
 * What Adam and its kin share: means of the gradient and of its square, and a count of steps for each parameter.
 *
 * @module
 */
import { TorchError } from "../error.ts";
import { foreachAddcmulInPlace, foreachAddInPlace, foreachMulInPlace } from "../ops/foreach.ts";
import { addInPlace } from "../ops/in-place.ts";
import type { Tensor } from "../tensor.ts";
import { Optimizer, type ParameterGroup, type ResolvedGroup } from "./optimizer.ts";

/** Lists of one length; m and v are the means of gradient and square. */
export interface MomentLists {
  parameters: readonly Tensor[];
  gradients: readonly Tensor[];
  m: readonly Tensor[];
  v: readonly Tensor[];
}

/** An optimizer that keeps m and v of each parameter, PyTorch's `exp_avg` and `exp_avg_sq`, and its count of steps. */
export abstract class MomentOptimizer<Options, Group extends ResolvedGroup> extends Optimizer<
  Options,
  Group
> {
  /** @throws TorchError for settings out of range, no parameters, or a parameter that stands in two groups */
  protected constructor(
    parameters: Iterable<Tensor> | readonly ParameterGroup<Options>[],
    { name, resolve }: { name: string; resolve(group: ParameterGroup<Options>): Group },
  ) {
    super(parameters, { name, resolve, slots: { step: "count", exp_avg: "tensor", exp_avg_sq: "tensor" } });
  }

  /** The update of parameters that are at the same step, from 1. */
  protected abstract updateAt(step: number, group: Group, lists: MomentLists): void;

  protected override update(group: Group, parameters: readonly Tensor[], gradients: readonly Tensor[]): void {
    const m = this.buffers("exp_avg", parameters);
    const v = this.buffers("exp_avg_sq", parameters);
    for (const { step, lists } of byStep(this.buffers("step", parameters), { parameters, gradients, m, v }))
      this.updateAt(step, group, lists);
  }
}

/**
 * Counts a step of each parameter, and gives those together that are at the same: one round, unless some had no gradient in
 * earlier steps.
 *
 * @param counts int64 scalars, changed in place
 */
function byStep(
  counts: readonly Tensor[],
  { parameters, gradients, m, v }: MomentLists,
): { step: number; lists: MomentLists }[] {
  const indicesAt = new Map<number, number[]>();
  for (const [index, count] of counts.entries()) {
    const step = addInPlace(count, 1).item();
    indicesAt.set(step, [...(indicesAt.get(step) ?? []), index]);
  }
  return [...indicesAt].map(([step, indices]) => {
    const pick = (tensors: readonly Tensor[]) => indices.map((index) => tensors[index] as Tensor);
    const lists = { parameters: pick(parameters), gradients: pick(gradients), m: pick(m), v: pick(v) };
    return { step, lists };
  });
}

/** m ← β1 · m + (1 − β1) · g, v ← β2 · v + (1 − β2) · g². */
export function updateMoments(
  { m, v }: Pick<MomentLists, "m" | "v">,
  g: readonly Tensor[],
  [beta1, beta2]: readonly [number, number],
): void {
  foreachMulInPlace(m, beta1);
  foreachAddInPlace(m, g, { alpha: 1 - beta1 });
  foreachMulInPlace(v, beta2);
  foreachAddcmulInPlace(v, g, g, { value: 1 - beta2 });
}

/** Requires β1 and β2 from 0 up to but not 1. */
export function requireBetas(optimizer: string, betas: readonly [number, number]): void {
  for (const beta of betas)
    if (!(beta >= 0 && beta < 1))
      throw new TorchError(`${optimizer}: betas must be from 0 up to but not 1, got ${beta}`);
}
