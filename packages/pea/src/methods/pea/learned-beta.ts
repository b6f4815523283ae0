import type { ElementFunction } from "@pea/kernels";
import { copyInPlace, div, full, keep, mul, noGrad, type Tensor } from "@pea/torch";

/** As the weights' usual one. */
const momentum = 0.9;

/**
 * β of a site's smooth activation, Act(βx)/β, that is learned while that runs alone: 1 at first, moved by SGD of momentum 0.9 without
 * decay, at most to its half in a step, so that it stays above 0. Where ReLU runs beside it, nothing asks for its gradient, and it
 * stays as it is.
 */
export class LearnedBeta {
  /** float32 [], a leaf. */
  readonly #beta = keep(full([], 1));
  #value = 1;
  #velocity = 0;

  constructor() {
    this.#beta.requiresGrad = true;
  }

  get value(): number {
    return this.#value;
  }

  get velocity(): number {
    return this.#velocity;
  }

  /** Goes back to a value and a velocity. */
  set(value: number, velocity: number): void {
    noGrad(() => copyInPlace(this.#beta, full([], value)));
    this.#value = this.#beta.item();
    this.#velocity = velocity;
  }

  /** Act(βx)/β, with a gradient of β. */
  sharpen(act: ElementFunction, x: Tensor): Tensor {
    return div(act(mul(x, this.#beta)), this.#beta);
  }

  /** Of the passes since the last update, where it took part in any. */
  get gradient(): Tensor | null {
    return this.#beta.grad;
  }

  /** One step of SGD, if it took part in a pass. */
  update(learningRate: number): void {
    const { gradient } = this;
    if (gradient === null) return;
    const velocity = momentum * this.#velocity + gradient.item();
    this.set(Math.max(this.#value - learningRate * velocity, this.#value / 2), velocity);
    this.#beta.grad = null;
  }

  dispose(): void {
    this.#beta.dispose();
  }
}
