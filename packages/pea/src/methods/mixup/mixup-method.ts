/**
 * Training on mixed images.
 *
 * @module
 */
import { add, cast, indexSelect, mul, type Tensor, tensor } from "@pea/torch";
import { drawBeta } from "../draw-beta.ts";
import { drawsOf } from "../draws.ts";
import type { FitContext, LossPass, Method, MethodState, TrainingBatch } from "../method.ts";
import { refuseOtherState } from "../method-state.ts";
import { requireOneLabel } from "../one-label.ts";

const name = "mixup";

/** How a batch is mixed: image i with image `partners[i]`. */
export interface Mixture {
  /** λ, the share of the image itself. */
  share: number;
  partners: Int32Array;
}

/** The mixture of a step, a function of the run's seed and the step. */
export function mixtureOf(
  images: number,
  { alpha, seed, step }: { alpha: number; seed: number; step: number },
): Mixture {
  const draws = drawsOf(name, seed, step);
  return { share: drawBeta(alpha, draws), partners: draws.permutation(images) };
}

/**
 * Trains on x̃ = λ·x_i + (1 − λ)·x_j, where j is drawn of the same batch and λ of Beta(α, α), once a step; the loss is λ
 * times that of x_i's label plus (1 − λ) times that of x_j's, which for cross-entropy is the loss of the mixed label
 * (Zhang et al., "mixup: Beyond Empirical Risk Minimization", 2018).
 */
export class MixupMethod implements Method {
  readonly mixes = true;
  readonly #alpha: number;
  #seed = 0;
  /** λ of this step. */
  #share = 1;

  constructor({ alpha }: { alpha: number }) {
    this.#alpha = alpha;
  }

  /** @throws PeaError of kind usage where an image has not one label. */
  fit({ seed, task }: FitContext): void {
    requireOneLabel(name, task);
    this.#seed = seed;
  }

  batch({ images, labels, indices, along }: TrainingBatch, step: number): TrainingBatch {
    const [size = 0] = images.shape;
    const { share, partners } = mixtureOf(size, { alpha: this.#alpha, seed: this.#seed, step });
    this.#share = share;
    const order = cast(tensor(partners), { device: images.device });
    const partnersOf = (whole: Tensor) => indexSelect(whole, 0, order);
    return {
      images: add(mul(images, share), partnersOf(images), { alpha: 1 - share }),
      labels,
      indices,
      along: { ...along, [name]: partnersOf(labels) },
    };
  }

  loss(loss: Tensor, { along, lossAgainst }: LossPass): Tensor {
    return add(mul(loss, this.#share), lossAgainst(along[name] as Tensor), { alpha: 1 - this.#share });
  }

  state(): MethodState {
    return { alpha: this.#alpha };
  }

  load(state: MethodState): void {
    refuseOtherState(this.state(), state);
  }
}
