import { add, full, keep, mul, noGrad, type Tensor } from "@pea/torch";

/** Steps from one that is measured to the next. */
export const MEASURED_EVERY = 10;

/** The two activations of a site. */
export interface OwnActivations {
  relu(x: Tensor): Tensor;
  smooth(x: Tensor): Tensor;
}

/** Measures ∂L/∂p = Σ ∂L/∂y · d(x) of an activation y = f(x) + p · d(x) at p = 0, which changes no value. */
export class Probe {
  /** float32 [], 0. */
  readonly #leaf = keep(full([], 0));
  readonly #direction: (x: Tensor, own: OwnActivations) => Tensor;

  /** @param direction d */
  constructor(direction: (x: Tensor, own: OwnActivations) => Tensor) {
    this.#direction = direction;
    this.#leaf.requiresGrad = true;
  }

  /** y of f(x). */
  add(y: Tensor, x: Tensor, own: OwnActivations): Tensor {
    return add(
      y,
      mul(
        this.#leaf,
        noGrad(() => this.#direction(x, own)),
      ),
    );
  }

  /** Of the passes since it was taken last; null where it was in none. */
  get gradient(): Tensor | null {
    return this.#leaf.grad;
  }

  /** The gradient as a number; the next passes begin anew. */
  take(): number | null {
    const gradient = this.gradient?.item() ?? null;
    this.#leaf.grad = null;
    return gradient;
  }

  dispose(): void {
    this.#leaf.dispose();
  }
}
