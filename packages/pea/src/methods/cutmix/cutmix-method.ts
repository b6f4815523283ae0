/**
 * Training on images with a rectangle of another.
 *
 * @module
 */
import { add, cast, clone, copyInPlace, indexSelect, mul, narrow, type Tensor, tensor } from "@pea/torch";
import { drawBeta } from "../draw-beta.ts";
import { type Draws, drawsOf } from "../draws.ts";
import type { FitContext, LossPass, Method, MethodState, TrainingBatch } from "../method.ts";
import { refuseOtherState } from "../method-state.ts";
import { requireOneLabel } from "../one-label.ts";

const name = "cutmix";

/** Settings of CutMix. */
export interface CutMixOptions {
  /** Above 0. */
  alpha: number;
  /** Share of the steps whose images are mixed, above 0 and up to 1. */
  probability: number;
}

/** In pixels from the upper left corner; `bottom` and `right` are the first outside. */
export interface Box {
  top: number;
  left: number;
  bottom: number;
  right: number;
}

/** How a batch is mixed: image i has the rectangle of image `partners[i]`. */
export interface Cut {
  box: Box;
  partners: Int32Array;
  /** Share of the image itself in its pixels, and so of its label in the loss. */
  share: number;
}

/**
 * A rectangle with the share 1 − λ of an image's area, as wide to high as the image, around a centre that lies anywhere in
 * it; what reaches beyond the image is cut off (section 3.1 and the authors' `rand_bbox`).
 */
export function cutBox(
  lambda: number,
  { height, width }: { height: number; width: number },
  draws: Draws,
): Box {
  const side = Math.sqrt(1 - lambda);
  const along = (length: number): [number, number] => {
    const half = Math.floor(Math.floor(length * side) / 2);
    const centre = Math.floor(draws.uniform() * length);
    return [Math.max(centre - half, 0), Math.min(centre + half, length)];
  };
  const [left, right] = along(width);
  const [top, bottom] = along(height);
  return { top, left, bottom, right };
}

/** The cut of a step, a function of the run's seed and the step; null where its images are left as they are. */
export function cutOf(
  [images, , height, width]: readonly [number, number, number, number],
  { alpha, probability, seed, step }: CutMixOptions & { seed: number; step: number },
): Cut | null {
  const draws = drawsOf(name, seed, step);
  if (draws.uniform() >= probability) return null;
  const box = cutBox(drawBeta(alpha, draws), { height, width }, draws);
  const area = (box.bottom - box.top) * (box.right - box.left);
  return { box, partners: draws.permutation(images), share: 1 - area / (height * width) };
}

/**
 * Trains on x̃ = M ⊙ x_i + (1 − M) ⊙ x_j, where M is 0 in one rectangle of the batch and 1 around it and j is drawn of the
 * same batch; the loss is λ times that of x_i's label plus (1 − λ) times that of x_j's, λ being the share of the pixels that
 * are x_i's (Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features", 2019).
 */
export class CutMixMethod implements Method {
  readonly mixes = true;
  readonly #options: CutMixOptions;
  #seed = 0;
  /** λ of this step. */
  #share = 1;

  constructor(options: CutMixOptions) {
    this.#options = options;
  }

  /** @throws PeaError of kind usage where an image has not one label. */
  fit({ seed, task }: FitContext): void {
    requireOneLabel(name, task);
    this.#seed = seed;
  }

  batch(batch: TrainingBatch, step: number): TrainingBatch {
    const { images, labels, along } = batch;
    const shape = images.shape as [number, number, number, number];
    const cut = cutOf(shape, { ...this.#options, seed: this.#seed, step });
    this.#share = cut?.share ?? 1;
    if (cut === null) return batch;
    const order = cast(tensor(cut.partners), { device: images.device });
    const inBox = ({ top, left, bottom, right }: Box, whole: Tensor) =>
      narrow(narrow(whole, 2, top, bottom - top), 3, left, right - left);
    const mixed = clone(images);
    copyInPlace(inBox(cut.box, mixed), indexSelect(inBox(cut.box, images), 0, order));
    return { ...batch, images: mixed, along: { ...along, [name]: indexSelect(labels, 0, order) } };
  }

  loss(loss: Tensor, { along, lossAgainst }: LossPass): Tensor {
    const partners = along[name];
    if (partners === undefined) return loss;
    return add(mul(loss, this.#share), lossAgainst(partners), { alpha: 1 - this.#share });
  }

  state(): MethodState {
    return { ...this.#options };
  }

  load(state: MethodState): void {
    refuseOtherState(this.state(), state);
  }
}
