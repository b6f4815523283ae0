import { TorchError } from "../error.ts";
import { foreachAdd, foreachAddInPlace, foreachMul, foreachMulInPlace } from "../ops/foreach.ts";
import { optionsOf } from "../options.ts";
import type { Tensor } from "../tensor.ts";
import { Optimizer, type ParameterGroup, requireAtLeast0 } from "./optimizer.ts";
import { fusedSGD, type SGDUpdate } from "./sgd-kernel.ts";

/** Settings of SGD. */
export interface SGDOptions {
  /** Learning rate, at least 0. */
  lr: number;
  /** μ, at least 0; 0 by default. */
  momentum?: number;
  /** Look ahead along the momentum; false by default. */
  nesterov?: boolean;
  /** Added to the gradient as weightDecay · parameter, at least 0; 0 by default. */
  weightDecay?: number;
}

/** Parameters with settings of their own; those left out are the optimizer's. */
export type SGDGroup = ParameterGroup<SGDOptions>;

/** A group as the optimizer holds it; all settings may be changed between steps. */
export interface ResolvedSGDGroup extends Required<SGDOptions> {
  readonly parameters: readonly Tensor[];
}

/** Where the learning rate enters; see `SGD`. */
export type SGDForm = "pytorch" | "keras";

/**
 * Stochastic gradient descent in PyTorch's form, with the learning rate outside of the momentum:
 *
 *     g ← gradient + weightDecay · p
 *     b ← μ · b + g                          (b starts at 0)
 *     p ← p − lr · (nesterov ? g + μ · b : b)
 *
 * or in Keras', with the learning rate within it, so that what is under way keeps the rate it began with:
 *
 *     v ← μ · v − lr · g                     (v starts at 0)
 *     p ← p + (nesterov ? μ · v − lr · g : v)
 *
 * The two are equal while the learning rate stays the same (spec recipes 4.2). The state's keys name the form
 * ("momentum.0", "velocity.0"), so that one form refuses the other's.
 *
 * A step takes a few calls for each group, or one (see setSGDKernel), however many parameters there are.
 *
 * @example
 * const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
 * scope(() => backward(crossEntropyLoss(model.forward(x), y)));
 * optimizer.step();
 * optimizer.zeroGrad();
 */
export class SGD extends Optimizer<SGDOptions, ResolvedSGDGroup> {
  readonly form: SGDForm;

  /** @throws TorchError for settings out of range, no parameters, or a parameter that stands in two groups */
  constructor(parameters: Iterable<Tensor> | readonly SGDGroup[], options: SGDOptions & { form?: SGDForm }) {
    const { form = "pytorch", ...defaults } = optionsOf(
      "new SGD(parameters, { lr, momentum, nesterov, weightDecay, form })",
      options,
    );
    super(parameters, {
      name: "SGD",
      resolve: (group) => resolve(group, defaults),
      slots: { [slotOf(form)]: "tensor" },
    });
    this.form = form;
  }

  protected override update(
    { parameters: _, ...settings }: ResolvedSGDGroup,
    parameters: readonly Tensor[],
    gradients: readonly Tensor[],
  ): void {
    const { lr, momentum, weightDecay } = settings;
    const velocities = momentum === 0 ? [] : this.buffers(slotOf(this.form), parameters);
    const given = { ...settings, parameters, gradients, velocities };
    // Keras' v is PyTorch's b of the gradients −lr · g, taken off with the rate −1.
    const update =
      this.form === "pytorch"
        ? given
        : { ...given, gradients: foreachMul(gradients, -lr), weightDecay: -lr * weightDecay, lr: -1 };
    if (!fusedSGD(update)) composedSGD(update);
  }
}

function slotOf(form: SGDForm): string {
  return form === "pytorch" ? "momentum" : "velocity";
}

/** The update of plain operators, each over all parameters. */
function composedSGD(update: SGDUpdate): void {
  const { parameters, gradients, velocities, lr, momentum, nesterov, weightDecay } = update;
  const decayed = weightDecay === 0 ? gradients : foreachAdd(gradients, parameters, { alpha: weightDecay });
  if (momentum !== 0) {
    foreachMulInPlace(velocities, momentum);
    foreachAddInPlace(velocities, decayed);
  }
  const direction =
    momentum === 0 ? decayed : nesterov ? foreachAdd(decayed, velocities, { alpha: momentum }) : velocities;
  foreachAddInPlace(parameters, direction, { alpha: -lr });
}

function resolve(given: SGDGroup, defaults: SGDOptions): ResolvedSGDGroup {
  const { parameters, ...own } = optionsOf(
    "new SGD([{ parameters, lr, momentum, nesterov, weightDecay }])",
    given,
  );
  const group = {
    momentum: 0,
    nesterov: false,
    weightDecay: 0,
    ...defaults,
    ...own,
    parameters: [...parameters],
  };
  requireAtLeast0("SGD", group, ["lr", "momentum", "weightDecay"]);
  if (group.nesterov && group.momentum === 0) throw new TorchError("SGD: nesterov needs a momentum above 0");
  return group;
}
