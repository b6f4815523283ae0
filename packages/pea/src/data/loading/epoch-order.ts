import { PeaError } from "@pea/core";
import { permutation } from "../../common/philox.ts";

export interface EpochOrderOptions {
  readonly batchSize: number;
  /**
   * Given: a new order in every epoch, and only whole batches (the samples left over differ from epoch to epoch).
   * Left out: every sample in order, the last batch maybe smaller.
   */
  readonly shuffleSeed?: number;
  /**
   * Batches of one epoch that is shuffled, where they are not to be as many whole ones as there are: of fewer samples the
   * first come once more at the end, of more other ones are left over in each epoch.
   */
  readonly stepsPerEpoch?: number;
}

/**
 * Which samples the batches of an epoch hold: a function of the seed, the epoch and the step alone, so that training
 * can go on in the middle of an epoch as if it had never stopped.
 */
export class EpochOrder {
  /** Batches of one epoch. */
  readonly stepsPerEpoch: number;
  /** Samples of one epoch: those of its batches. */
  readonly samplesPerEpoch: number;
  readonly #count: number;
  readonly #options: EpochOrderOptions;

  /**
   * @param count samples of the data set
   * @throws PeaError (usage) for a batch size that gives no batch
   */
  constructor(count: number, options: EpochOrderOptions) {
    const { batchSize, shuffleSeed } = options;
    this.#count = count;
    this.#options = options;
    if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
      throw new PeaError(`the batch size must be a positive integer, got ${batchSize}`, { kind: "usage" });
    }
    if (shuffleSeed !== undefined && batchSize > count) {
      throw new PeaError(
        `the batch size ${batchSize} is larger than the training part of ${count} samples; choose a smaller one`,
        { kind: "usage" },
      );
    }
    const batches = count / batchSize;
    const { stepsPerEpoch = Math.floor(batches) } = options;
    this.stepsPerEpoch = shuffleSeed === undefined ? Math.ceil(batches) : stepsPerEpoch;
    this.samplesPerEpoch = shuffleSeed === undefined ? count : this.stepsPerEpoch * batchSize;
  }

  /** Indices of the samples that no batch of an epoch holds. */
  leftOver(epoch: number): Int32Array {
    return this.#orderOf(epoch).subarray(this.samplesPerEpoch);
  }

  /** Indices of the samples of each batch, from step `fromStep` of the epoch on. */
  *batches(epoch: number, fromStep: number): Generator<Int32Array, void, undefined> {
    const { batchSize } = this.#options;
    const once = this.#orderOf(epoch);
    const order = this.samplesPerEpoch > this.#count ? repeat(once, this.samplesPerEpoch) : once;
    for (let step = fromStep; step < this.stepsPerEpoch; step++)
      yield order.subarray(step * batchSize, (step + 1) * batchSize);
  }

  #orderOf(epoch: number): Int32Array {
    const { shuffleSeed } = this.#options;
    if (shuffleSeed === undefined) return Int32Array.from({ length: this.#count }, (_, i) => i);
    return permutation(this.#count, shuffleSeed, "shuffle", epoch);
  }
}

/** The values from the first on, once more where they are at an end. */
function repeat(values: Int32Array, length: number): Int32Array {
  return Int32Array.from({ length }, (_, index) => values[index % values.length] as number);
}
