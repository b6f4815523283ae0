import { noGrad } from "../autograd.ts";
import { TorchError } from "../error.ts";
import { zerosLike } from "../ops/cast.ts";
import { foreachAdd, foreachAddInPlace, foreachMulInPlace } from "../ops/foreach.ts";
import { copyInPlace } from "../ops/in-place.ts";
import { keep, scope } from "../scope.ts";
import { Tensor } from "../tensor.ts";
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
export interface SGDGroup extends Partial<SGDOptions> {
  parameters: Iterable<Tensor>;
}

/** A group as the optimizer holds it; all settings may be changed between steps. */
export interface ResolvedSGDGroup extends Required<SGDOptions> {
  readonly parameters: readonly Tensor[];
}

/**
 * Stochastic gradient descent in PyTorch's form, with the learning rate outside of the momentum:
 *
 *     g ← gradient + weightDecay · p
 *     b ← μ · b + g                          (b starts at 0)
 *     p ← p − lr · (nesterov ? g + μ · b : b)
 *
 * A step takes a few calls for each group, or one (see setSGDKernel), however many parameters there are. Parameters
 * without a gradient are left alone.
 *
 * @example
 * const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
 * scope(() => backward(crossEntropyLoss(model.forward(x), y)));
 * optimizer.step();
 * optimizer.zeroGrad();
 */
export class SGD {
  readonly groups: readonly ResolvedSGDGroup[];
  readonly #momentum = new Map<Tensor, Tensor>();

  /** @throws TorchError for settings out of range, no parameters, or a parameter that stands in two groups */
  constructor(parameters: Iterable<Tensor> | readonly SGDGroup[], defaults: SGDOptions) {
    this.groups = asGroups([...parameters]).map((group) => resolve(group, defaults));
    const all = this.#parameters();
    if (all.length === 0) throw new TorchError("SGD was given no parameters");
    if (new Set(all).size < all.length) throw new TorchError("SGD was given the same parameter twice");
  }

  /** Moves every parameter along its gradient. Leaves no tensor behind but the momentum of each parameter. */
  step(): void {
    scope(() =>
      noGrad(() => {
        for (const group of this.groups) this.#stepGroup(group);
      }),
    );
  }

  /** Drops the gradients of all parameters. */
  zeroGrad(): void {
    for (const parameter of this.#parameters()) parameter.grad = null;
  }

  /** The momentum of each parameter that has one, itself (not a copy), by the parameter's position: "momentum.3". */
  state(): Map<string, Tensor> {
    const entries = this.#parameters().map((parameter, index) => [
      keyOf(index),
      this.#momentum.get(parameter),
    ]);
    return new Map(entries.filter((entry): entry is [string, Tensor] => entry[1] !== undefined));
  }

  /**
   * Takes over the values of a `state()`, so that the next step is the one that would have followed it.
   * @throws TorchError for keys of no parameter and for shapes that differ; nothing is changed then
   */
  load(state: ReadonlyMap<string, Tensor>): void {
    const parameters = new Map(this.#parameters().map((parameter, index) => [keyOf(index), parameter]));
    const loaded = [...state].map(([key, value]) => {
      const parameter = parameters.get(key);
      if (parameter === undefined) {
        throw new TorchError(`SGD state: "${key}" belongs to none of the ${parameters.size} parameters`);
      }
      if (String(parameter.shape) !== String(value.shape)) {
        throw new TorchError(`SGD state: ${key}: expected [${parameter.shape}], got [${value.shape}]`);
      }
      return { parameter, value };
    });
    this.dispose();
    for (const { parameter, value } of loaded) copyInPlace(this.#momentumOf(parameter), value);
  }

  /** Frees the momentum; a later step starts from zero. */
  dispose(): void {
    for (const buffer of this.#momentum.values()) buffer.dispose();
    this.#momentum.clear();
  }

  #parameters(): Tensor[] {
    return this.groups.flatMap((group) => group.parameters);
  }

  #stepGroup({ parameters, ...settings }: ResolvedSGDGroup): void {
    const trained: Tensor[] = [];
    const gradients: Tensor[] = [];
    for (const parameter of parameters) {
      const gradient = parameter.grad;
      if (gradient === null) continue;
      trained.push(parameter);
      gradients.push(gradient);
    }
    if (trained.length === 0) return;
    const velocities = settings.momentum === 0 ? [] : trained.map((parameter) => this.#momentumOf(parameter));
    const update = { parameters: trained, gradients, velocities, ...settings };
    if (!fusedSGD(update)) composedSGD(update);
  }

  #momentumOf(parameter: Tensor): Tensor {
    const known = this.#momentum.get(parameter);
    if (known !== undefined) return known;
    const buffer = keep(noGrad(() => zerosLike(parameter)));
    this.#momentum.set(parameter, buffer);
    return buffer;
  }
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

function asGroups(given: readonly (Tensor | SGDGroup)[]): SGDGroup[] {
  const groups = given.filter((item): item is SGDGroup => !(item instanceof Tensor));
  const tensors = given.filter((item) => item instanceof Tensor);
  if (groups.length > 0 && tensors.length > 0) {
    throw new TorchError("SGD takes either parameters or groups of parameters, not both in one list");
  }
  return groups.length > 0 ? groups : [{ parameters: tensors }];
}

function resolve({ parameters, ...own }: SGDGroup, defaults: SGDOptions): ResolvedSGDGroup {
  const group = {
    momentum: 0,
    nesterov: false,
    weightDecay: 0,
    ...defaults,
    ...own,
    parameters: [...parameters],
  };
  for (const name of ["lr", "momentum", "weightDecay"] as const) {
    if (!(group[name] >= 0)) throw new TorchError(`SGD: ${name} must be at least 0, got ${group[name]}`);
  }
  if (group.nesterov && group.momentum === 0) throw new TorchError("SGD: nesterov needs a momentum above 0");
  return group;
}

function keyOf(index: number): string {
  return `momentum.${index}`;
}
