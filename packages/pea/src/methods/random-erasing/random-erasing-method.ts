/**
 * Training on images with a rectangle erased.
 *
 * @module
 */
import { clone, narrow, select, zeroInPlace } from "@pea/torch";
import { type Draws, drawsOfImage } from "../draws.ts";
import type { FitContext, Method, MethodState, TrainingBatch } from "../method.ts";
import { refuseOtherState } from "../method-state.ts";

const name = "random-erasing";

/** Settings of random erasing; the three tuples and shares as torchvision's `p`, `scale` and `ratio`. */
export interface RandomErasingOptions {
  probability: number;
  area: readonly [number, number];
  ratio: readonly [number, number];
}

/** In pixels. */
export interface Rectangle {
  top: number;
  left: number;
  height: number;
  width: number;
}

/**
 * The rectangle that is erased of an image: area uniform among the shares `area`, height to width log-uniform among `ratio`, at
 * any place where it is inside, by torchvision's `RandomErasing`; null where none is, or none of 10 attempts fits.
 */
export function drawRectangle(
  image: { height: number; width: number },
  { probability, area, ratio }: RandomErasingOptions,
  draws: Draws,
): Rectangle | null {
  if (draws.uniform() >= probability) return null;
  const between = ([from, to]: readonly [number, number]) => from + (to - from) * draws.uniform();
  for (let attempt = 0; attempt < 10; attempt++) {
    const erased = image.height * image.width * between(area);
    const aspect = Math.exp(between([Math.log(ratio[0]), Math.log(ratio[1])]));
    const height = Math.round(Math.sqrt(erased * aspect));
    const width = Math.round(Math.sqrt(erased / aspect));
    if (height >= image.height || width >= image.width) continue;
    const place = (whole: number, part: number) => Math.floor(draws.uniform() * (whole - part + 1));
    return { top: place(image.height, height), left: place(image.width, width), height, width };
  }
  return null;
}

/**
 * Sets a rectangle of some training images to 0, the mean colour of the training part (Zhong et al., "Random Erasing Data
 * Augmentation", 2017; the fill is torchvision's). Which images and where is a function of seed, epoch and image.
 */
export class RandomErasingMethod implements Method {
  readonly #options: RandomErasingOptions;
  #run: Pick<FitContext, "seed" | "stepsPerEpoch"> = { seed: 0, stepsPerEpoch: 1 };

  constructor(options: RandomErasingOptions) {
    this.#options = options;
  }

  fit({ seed, stepsPerEpoch }: FitContext): void {
    this.#run = { seed, stepsPerEpoch };
  }

  batch(batch: TrainingBatch, step: number): TrainingBatch {
    const { seed, stepsPerEpoch } = this.#run;
    const epoch = Math.floor(step / stepsPerEpoch);
    const [, , height = 0, width = 0] = batch.images.shape;
    const images = clone(batch.images);
    for (const [place, index] of batch.indices.entries()) {
      const draws = drawsOfImage(name, { seed, epoch, index });
      const found = drawRectangle({ height, width }, this.#options, draws);
      if (found === null) continue;
      const rows = narrow(select(images, 0, place), 1, found.top, found.height);
      zeroInPlace(narrow(rows, 2, found.left, found.width));
    }
    return { ...batch, images };
  }

  state(): MethodState {
    const { probability, area, ratio } = this.#options;
    return { probability, area: `${area}`, ratio: `${ratio}` };
  }

  load(state: MethodState): void {
    refuseOtherState(this.state(), state);
  }
}
