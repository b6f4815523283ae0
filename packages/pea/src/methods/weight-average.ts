/**
 * The exponential moving average of a network's weights.
 *
 * @module
 */
import {
  clone,
  copyInPlace,
  foreachAddInPlace,
  foreachMulInPlace,
  keep,
  type Module,
  noGrad,
  scope,
  type Tensor,
} from "@pea/torch";

/**
 * The average of a network's state dict, and the network's own weights while the average stands in their place. Running
 * statistics of batch norm are averaged as the parameters are; what counts passes is copied.
 */
export class WeightAverage {
  readonly #weights: ReadonlyMap<string, Tensor>;
  readonly #average: ReadonlyMap<string, Tensor>;
  /** The weights trained with, while the average stands in the network. */
  #trained: ReadonlyMap<string, Tensor> | null = null;

  /** Begins as the weights are. */
  constructor(model: Module) {
    this.#weights = model.stateDict();
    this.#average = copied(this.#weights);
  }

  /** By state-dict key; the average's own. */
  get tensors(): ReadonlyMap<string, Tensor> {
    return this.#average;
  }

  /** average ← decay · average + (1 − decay) · weights. */
  update(decay: number): void {
    const pairs = [...this.#average].map(([key, own]) => [own, this.#weights.get(key) as Tensor] as const);
    const averaged = pairs.filter(([own]) => own.dtype.startsWith("float"));
    noGrad(() => {
      const own = averaged.map(([own]) => own);
      foreachMulInPlace(own, decay);
      foreachAddInPlace(
        own,
        averaged.map(([, weights]) => weights),
        { alpha: 1 - decay },
      );
      for (const [own, weights] of pairs) if (!own.dtype.startsWith("float")) copyInPlace(own, weights);
    });
  }

  /** Takes these for the average, or the weights where there are none. */
  load(tensors: ReadonlyMap<string, Tensor>): void {
    copyInto(this.#average, tensors.size > 0 ? tensors : this.#weights);
  }

  /** Puts the average in the network's place of its weights, or those back. What is there already stays. */
  show(average: boolean): void {
    if (average === (this.#trained !== null)) return;
    if (average) {
      this.#trained = copied(this.#weights);
      copyInto(this.#weights, this.#average);
      return;
    }
    copyInto(this.#weights, this.#trained as ReadonlyMap<string, Tensor>);
    this.#forgetTrained();
  }

  /** Leaves the average in the network for good. */
  settle(): void {
    this.show(true);
    this.#forgetTrained();
  }

  dispose(): void {
    this.#forgetTrained();
    for (const tensor of this.#average.values()) tensor.dispose();
  }

  #forgetTrained(): void {
    for (const tensor of this.#trained?.values() ?? []) tensor.dispose();
    this.#trained = null;
  }
}

function copied(tensors: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor> {
  return noGrad(() => new Map([...tensors].map(([key, tensor]) => [key, keep(clone(tensor))])));
}

function copyInto(to: ReadonlyMap<string, Tensor>, from: ReadonlyMap<string, Tensor>): void {
  scope(() =>
    noGrad(() => {
      for (const [key, tensor] of to) copyInPlace(tensor, from.get(key) as Tensor);
    }),
  );
}
