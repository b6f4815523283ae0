import { PeaError } from "@pea/core";
import { cast, indexSelect, scope, type Tensor, tensor } from "@pea/torch";
import { type Augmentation, augment, standardize } from "./augment.ts";
import type { Dataset } from "./dataset.ts";
import { permutation } from "./philox.ts";
import type { PixelStatistics } from "./statistics.ts";

/** How to train on a data set. */
export interface TrainingOptions extends Augmentation {
  /** Fixes the order of the samples in every epoch, and what augmentation does to them. */
  readonly seed: number;
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
}

export interface Batch {
  /** float32 [B, C, H, W], standardized, channels_last. */
  readonly images: Tensor;
  /** int64 [B]. */
  readonly labels: Tensor;
}

/**
 * Cuts a data set into the batches of an epoch. What a batch holds depends on the seed, the epoch and the step alone,
 * so that training can go on in the middle of an epoch as if it had never stopped.
 */
export class Loader {
  /** Batches of one epoch. */
  readonly stepsPerEpoch: number;
  /** Samples of one epoch: those of its batches. */
  readonly samplesPerEpoch: number;
  readonly #dataset: Dataset;
  readonly #options: LoaderOptions;
  readonly #count: number;

  /** @throws PeaError (usage) for a batch size that gives no batch */
  constructor(dataset: Dataset, options: LoaderOptions) {
    const { batchSize, training } = options;
    this.#dataset = dataset;
    this.#options = options;
    this.#count = dataset.images.shape[0] as number;
    if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
      throw new PeaError(`the batch size must be a positive integer, got ${batchSize}`, { kind: "usage" });
    }
    if (training !== undefined && batchSize > this.#count) {
      throw new PeaError(
        `the batch size ${batchSize} is larger than the training part of ${this.#count} samples; choose a smaller one`,
        { kind: "usage" },
      );
    }
    const batches = this.#count / batchSize;
    this.stepsPerEpoch = training === undefined ? Math.ceil(batches) : Math.floor(batches);
    this.samplesPerEpoch = Math.min(this.stepsPerEpoch * batchSize, this.#count);
  }

  /**
   * The batches of one epoch, from step `fromStep` of it on. A batch lives until the next one is asked for; clone
   * what must live longer.
   */
  *batches(epoch = 0, fromStep = 0): Generator<Batch, void, undefined> {
    const { batchSize, training } = this.#options;
    const order =
      training === undefined
        ? Int32Array.from({ length: this.#count }, (_, i) => i)
        : permutation(this.#count, training.seed, "shuffle", epoch);
    for (let step = fromStep; step < this.stepsPerEpoch; step++) {
      const batch = this.#load(order.subarray(step * batchSize, (step + 1) * batchSize), epoch);
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
      const images =
        training === undefined ? picked : augment(picked, training, { seed: training.seed, epoch, indices });
      return {
        images: standardize(images, statistics, device),
        labels: cast(indexSelect(this.#dataset.labels, 0, rows), { device }),
      };
    });
  }
}
