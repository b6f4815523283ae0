/**
 * What all optimizers share: groups of parameters with settings of their own, and a state by which a run goes on.
 *
 * @module
 */
import { noGrad } from "../autograd.ts";
import { zeros } from "../create.ts";
import { TorchError } from "../error.ts";
import { zerosLike } from "../ops/cast.ts";
import { copyInPlace } from "../ops/in-place.ts";
import { keep, scope } from "../scope.ts";
import { clearGradients, gradientsOf, Tensor } from "../tensor.ts";

/** Parameters with settings of their own; those left out are the optimizer's. */
export type ParameterGroup<Options> = Partial<Options> & { parameters: Iterable<Tensor> };

/** A group as an optimizer holds it; all settings may be changed between steps. */
export interface ResolvedGroup {
  readonly parameters: readonly Tensor[];
  lr: number;
}

/** What makes an optimizer of a kind. */
export interface OptimizerKind<Options, Group extends ResolvedGroup> {
  /** For error messages. */
  readonly name: string;
  /** Completes and checks the settings of a group. */
  resolve(group: ParameterGroup<Options>): Group;
  /** What is kept of each parameter between steps, by name: a tensor of its kind, or a count (int64); 0 at first. */
  readonly slots: Readonly<Record<string, "tensor" | "count">>;
}

/** An optimizer; `update` is the step of one group. */
export abstract class Optimizer<Options = unknown, Group extends ResolvedGroup = ResolvedGroup> {
  readonly groups: readonly Group[];
  readonly #kind: OptimizerKind<Options, Group>;
  readonly #buffers: ReadonlyMap<string, Map<Tensor, Tensor>>;

  /** @throws TorchError for settings out of range, no parameters, or a parameter that stands in two groups */
  protected constructor(
    parameters: Iterable<Tensor> | readonly ParameterGroup<Options>[],
    kind: OptimizerKind<Options, Group>,
  ) {
    const { name } = kind;
    this.#kind = kind;
    this.#buffers = new Map(Object.keys(kind.slots).map((slot) => [slot, new Map()]));
    this.groups = asGroups(name, [...parameters]).map((group) => kind.resolve(group));
    const all = this.#parameters();
    if (all.length === 0) throw new TorchError(`${name} was given no parameters`);
    if (new Set(all).size < all.length) throw new TorchError(`${name} was given the same parameter twice`);
  }

  /** The optimizer and what it keeps of each parameter, e.g. `SGD (momentum)`: states go between equal ones alone. */
  get kind(): string {
    return `${this.#kind.name} (${Object.keys(this.#kind.slots).join(", ")})`;
  }

  /**
   * Moves every parameter along its gradient; one without a gradient is left alone. Leaves no tensor behind but the
   * state of each parameter.
   */
  step(): void {
    scope(() =>
      noGrad(() => {
        for (const group of this.groups) {
          const all = gradientsOf(group.parameters);
          const gradients = all.filter((gradient) => gradient !== null);
          if (gradients.length === 0) continue;
          const trained = group.parameters.filter((_, index) => all[index] !== null);
          this.update(group, trained, gradients);
        }
      }),
    );
  }

  /** Drops the gradients of all parameters. */
  zeroGrad(): void {
    for (const { parameters } of this.groups) clearGradients(parameters);
  }

  /** What is kept of each parameter, itself (not a copy), by the parameter's position: "momentum.3". */
  state(): Map<string, Tensor> {
    const state = new Map<string, Tensor>();
    for (const [index, parameter] of this.#parameters().entries())
      for (const [slot, buffers] of this.#buffers) {
        const buffer = buffers.get(parameter);
        if (buffer !== undefined) state.set(`${slot}.${index}`, buffer);
      }
    return state;
  }

  /**
   * Takes over the values of a `state()`, so that the next step is the one that would have followed it.
   *
   * @throws TorchError for keys of no parameter or of another kind of optimizer, for a parameter of which a part is
   * missing and for shapes that differ; nothing is changed then
   */
  load(state: ReadonlyMap<string, Tensor>): void {
    const loaded = [...state].map(([key, value]) => ({ ...this.#place(key, value), value }));
    for (const { index, parameter } of loaded)
      for (const slot of this.#buffers.keys())
        if (!loaded.some((other) => other.parameter === parameter && other.slot === slot))
          throw new TorchError(
            `${this.#kind.name} state: "${slot}.${index}" is missing beside the parameter's others`,
          );
    this.dispose();
    for (const { slot, parameter, value } of loaded) copyInPlace(this.#buffer(slot, parameter), value);
  }

  /** Frees the state; a later step starts anew. */
  dispose(): void {
    for (const buffers of this.#buffers.values()) {
      for (const buffer of buffers.values()) buffer.dispose();
      buffers.clear();
    }
  }

  /** Changes the parameters of a group that have a gradient; gradients are switched off and the scope is left after. */
  protected abstract update(group: Group, parameters: readonly Tensor[], gradients: readonly Tensor[]): void;

  /** What is kept of each parameter under a name, to be changed in place. */
  protected buffers(slot: string, parameters: readonly Tensor[]): Tensor[] {
    return parameters.map((parameter) => this.#buffer(slot, parameter));
  }

  #parameters(): Tensor[] {
    return this.groups.flatMap((group) => group.parameters);
  }

  #buffer(slot: string, parameter: Tensor): Tensor {
    const buffers = this.#buffers.get(slot) as Map<Tensor, Tensor>;
    const known = buffers.get(parameter);
    if (known !== undefined) return known;
    const isCount = this.#kind.slots[slot] === "count";
    const buffer = keep(noGrad(() => (isCount ? zeros([], { dtype: "int64" }) : zerosLike(parameter))));
    buffers.set(parameter, buffer);
    return buffer;
  }

  /** Where an entry of a state belongs. */
  #place(key: string, value: Tensor): { slot: string; index: string; parameter: Tensor } {
    const { name, slots } = this.#kind;
    const [slot = "", index = ""] = key.split(".");
    if (!Object.hasOwn(slots, slot))
      throw new TorchError(
        `${name} state: "${key}" is not of this optimizer, which keeps ${Object.keys(slots).join(", ")}`,
      );
    const parameters = this.#parameters();
    const parameter = parameters[Number(index)];
    if (parameter === undefined)
      throw new TorchError(`${name} state: "${key}" belongs to none of the ${parameters.length} parameters`);
    const shape = slots[slot] === "count" ? [] : parameter.shape;
    if (String(shape) !== String(value.shape))
      throw new TorchError(`${name} state: ${key}: expected [${shape}], got [${value.shape}]`);
    return { slot, index, parameter };
  }
}

/** Requires settings of at least 0. */
export function requireAtLeast0<Name extends string>(
  optimizer: string,
  settings: Readonly<Record<Name, number>>,
  names: readonly Name[],
): void {
  for (const name of names)
    if (!(settings[name] >= 0))
      throw new TorchError(`${optimizer}: ${name} must be at least 0, got ${settings[name]}`);
}

/** Requires a setting that is one of some. */
export function requireChoice<Value>(
  optimizer: string,
  name: string,
  value: Value,
  choices: readonly Value[],
): void {
  if (!choices.includes(value))
    throw new TorchError(`${optimizer}: ${name} must be ${choices.join(" or ")}, got ${value}`);
}

function asGroups<Options>(
  name: string,
  given: readonly (Tensor | ParameterGroup<Options>)[],
): ParameterGroup<Options>[] {
  const groups = given.filter((item): item is ParameterGroup<Options> => !(item instanceof Tensor));
  const tensors = given.filter((item) => item instanceof Tensor);
  if (groups.length > 0 && tensors.length > 0) {
    throw new TorchError(`${name} takes either parameters or groups of parameters, not both in one list`);
  }
  return groups.length > 0 ? groups : [{ parameters: tensors } as unknown as ParameterGroup<Options>];
}
