import { cast, indexSelect, scope, type Tensor, tensor } from "@pea/torch";
import { type Place, shareOf } from "../../distributed/share.ts";
import type { PixelStatistics } from "../../images/pixel-statistics.ts";
import { changeBatch } from "../../images/transforms/change-batch.ts";
import type { ImageChange } from "../../images/transforms/image-change.ts";
import { type Augmentation, variantsOf } from "../../images/transforms/move.ts";
import { moveBatch } from "../../images/transforms/move-batch.ts";
import { standardize } from "../../images/transforms/standardize.ts";
import type { Dataset } from "../parts/dataset.ts";
import { EpochOrder } from "./epoch-order.ts";
import type { SkippedSample } from "./unreadable-images.ts";

/** How to train on a data set. */
export interface TrainingOptions extends Augmentation {
  /** Fixes the order of the samples in every epoch, and what augmentation does to them. */
  readonly seed: number;
  /** Batches of an epoch; by default as many whole ones as there are. See `EpochOrder`. */
  readonly stepsPerEpoch?: number;
  /** What else is done to each image, in order. */
  readonly changes?: readonly ImageChange[];
}

export interface LoaderOptions {
  readonly batchSize: number;
  /** Of the training part, also for the other parts. */
  readonly statistics: PixelStatistics;
  /**
   * Given: a new order in every epoch, augmented images, and only whole batches (the samples left over differ from
   * epoch to epoch). Left out: every sample as it is and in order, the last batch maybe smaller.
   */
  readonly training?: TrainingOptions;
  /** Where the batches go, `"cpu"` by default. */
  readonly device?: string;
  /** Of several processes that share each batch, this one; left out: it has them whole. */
  readonly place?: Place;
}

export interface LabelledImages {
  /** float32 [B, C, H, W], standardized, channels_last. */
  readonly images: Tensor;
  /** int64 [B], or [B, H, W] where each pixel has one, 255 for those that do not count. */
  readonly labels: Tensor;
}

export interface Batch extends LabelledImages {
  /** Which samples of the part these are. */
  readonly indices: Int32Array;
  /** In training, which of the forms that augmentation makes of its sample each is; left out where they are without number. */
  readonly variants?: Int32Array;
}

/** Gives the batches of an epoch. */
export interface BatchLoader {
  /** Batches of one epoch. */
  readonly stepsPerEpoch: number;
  /** Samples of one epoch: those of its batches. */
  readonly samplesPerEpoch: number;
  /** The images met so far that could not be read and were left out, each once, by name. */
  readonly skipped: ReadonlyMap<string, SkippedSample>;
  /**
   * The batches of one epoch, or the share of this process in each, from step `fromStep` of it on: a function of the seed,
   * the epoch and the step alone. A batch lives until the next one is asked for; clone what must live longer.
   */
  batches(epoch?: number, fromStep?: number): Iterable<Batch> | AsyncIterable<Batch>;
}

/** Cuts a data set in memory into the batches of an epoch. */
export class Loader implements BatchLoader {
  readonly stepsPerEpoch: number;
  readonly samplesPerEpoch: number;
  /** None: images in memory are there. */
  readonly skipped: ReadonlyMap<string, SkippedSample> = new Map();
  readonly #dataset: Dataset;
  readonly #options: LoaderOptions;
  readonly #order: EpochOrder;

  /** @throws PeaError (usage) for a batch size that gives no batch */
  constructor(dataset: Dataset, options: LoaderOptions) {
    const { batchSize, training } = options;
    this.#dataset = dataset;
    this.#options = options;
    this.#order = new EpochOrder(dataset.labels.numel, {
      batchSize,
      shuffleSeed: training?.seed,
      stepsPerEpoch: training?.stepsPerEpoch,
    });
    this.stepsPerEpoch = this.#order.stepsPerEpoch;
    this.samplesPerEpoch = this.#order.samplesPerEpoch;
  }

  *batches(epoch = 0, fromStep = 0): Generator<Batch, void, undefined> {
    const { place } = this.#options;
    for (const whole of this.#order.batches(epoch, fromStep)) {
      const indices = place ? shareOf(whole, place) : whole;
      // The last batch of an evaluation may have fewer samples than there are processes.
      if (indices.length === 0) continue;
      const batch = this.#load(indices, epoch);
      try {
        yield batch;
      } finally {
        batch.images.dispose();
        batch.labels.dispose();
      }
    }
  }

  #load(indices: Int32Array, epoch: number): Batch {
    const { statistics, training, device = "cpu" } = this.#options;
    return scope(() => {
      const rows = tensor(indices);
      const picked = indexSelect(this.#dataset.images, 0, rows);
      const images = this.#augment(picked, indices, epoch);
      return {
        images: standardize(images, statistics, device),
        labels: cast(indexSelect(this.#dataset.labels, 0, rows), { device }),
        indices,
        ...(training &&
          !training.changes?.length && {
            variants: variantsOf(training, { seed: training.seed, epoch, indices }),
          }),
      };
    });
  }

  #augment(images: Tensor, indices: Int32Array, epoch: number): Tensor {
    const { training } = this.#options;
    if (training === undefined) return images;
    const keys = { seed: training.seed, epoch, indices };
    return changeBatch(moveBatch(images, training, keys), training.changes ?? [], keys);
  }
}
