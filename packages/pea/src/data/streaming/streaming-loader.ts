import { PeaError } from "@pea/core";
import { permute, scope, type Tensor, tensor } from "@pea/torch";
import { standardize } from "../augment.ts";
import { EpochOrder } from "../epoch-order.ts";
import type { Batch, BatchLoader, SkippedSample, TrainingOptions } from "../loader.ts";
import type { SampleSource } from "../sources/sample-source.ts";
import { imagenetStatistics, type PixelStatistics } from "../statistics.ts";
import type { CropName, Size } from "./crop.ts";
import type { DecodePool } from "./decode-pool.ts";
import type { BadSample } from "./decode-worker.ts";
import type { Preprocessing } from "./preprocess.ts";

/** Batches in work beside the one that the network is at. */
const PREFETCH = 3;

export interface StreamingTrainingOptions extends TrainingOptions {
  /** Part of each image that is taken. */
  readonly crop: CropName;
}

export interface StreamingLoaderOptions {
  readonly batchSize: number;
  readonly pool: DecodePool;
  /** Of the network's input. */
  readonly size: Size;
  /** Those of ImageNet by default. */
  readonly statistics?: PixelStatistics;
  /**
   * Given: a new order in every epoch, augmented images, and only whole batches (the samples left over differ from
   * epoch to epoch). Left out: the central part of every sample, in order, the last batch maybe smaller.
   */
  readonly training?: StreamingTrainingOptions;
  /** Where the batches go, `"cpu"` by default. */
  readonly device?: string;
  /** What to do with an image that cannot be read: stop (default), or go on without it, its batch being smaller. */
  readonly onBadSample?: "fail" | "skip";
  /** Told of each image that is skipped, once. */
  readonly onSkip?: (sample: SkippedSample) => void;
}

/** A batch as bytes: those samples that could be read, RGB, one after the other. */
interface DecodedBatch {
  readonly pixels: Uint8Array;
  readonly labels: Int32Array;
}

/**
 * Reads and decodes the images of each batch when it is needed, some batches ahead, on the threads of a pool. What a
 * batch holds depends on the seed, the epoch and the step alone; the images are never in memory all at once.
 */
export class StreamingLoader implements BatchLoader {
  readonly stepsPerEpoch: number;
  readonly samplesPerEpoch: number;
  readonly skipped = new Map<string, SkippedSample>();
  readonly #source: SampleSource;
  readonly #options: StreamingLoaderOptions;
  readonly #order: EpochOrder;
  readonly #preprocessing: Preprocessing;
  /** Buffers of batches that are done with. */
  readonly #free: SharedArrayBuffer[] = [];

  /** @throws PeaError (usage) for a batch size that gives no batch */
  constructor(source: SampleSource, options: StreamingLoaderOptions) {
    const { batchSize, training, size } = options;
    this.#source = source;
    this.#options = options;
    this.#order = new EpochOrder(source.labels.length, { batchSize, shuffleSeed: training?.seed });
    this.stepsPerEpoch = this.#order.stepsPerEpoch;
    this.samplesPerEpoch = this.#order.samplesPerEpoch;
    const { crop, flip, padding } = training ?? { crop: "central", flip: false, padding: 0 };
    this.#preprocessing = { crop, flip, padding, size };
  }

  /** @throws PeaError naming an image that cannot be read, where that is to stop the run, or a batch of only such */
  async *batches(epoch = 0, fromStep = 0): AsyncGenerator<Batch, void, undefined> {
    const order = this.#order.batches(epoch, fromStep);
    const ahead: Promise<DecodedBatch>[] = [];
    const request = () => {
      const { value: indices, done } = order.next();
      if (done) return;
      const decoding = this.#decode(indices, epoch);
      // A failure is thrown when its batch's turn comes; until then, or if it never does, it is no unhandled one.
      decoding.catch(() => {});
      ahead.push(decoding);
    };
    for (let i = 0; i < PREFETCH; i++) request();
    for (let next = ahead.shift(); next !== undefined; next = ahead.shift()) {
      const decoded = await next;
      request();
      const batch = this.#toTensors(decoded);
      this.#free.push(decoded.pixels.buffer as SharedArrayBuffer);
      try {
        yield batch;
      } finally {
        batch.images.dispose();
        batch.labels.dispose();
      }
    }
  }

  async #decode(indices: Int32Array, epoch: number): Promise<DecodedBatch> {
    const { batchSize, pool, training, size } = this.#options;
    const length = 3 * size.width * size.height;
    const buffer = this.#free.pop() ?? new SharedArrayBuffer(batchSize * length);
    const samples = Array.from(indices, (index, place) => ({
      location: this.#source.locate(index),
      key: { seed: training?.seed ?? 0, epoch, index },
      place,
    }));
    const bad = await pool.decode(samples, this.#preprocessing, buffer);
    this.#judge(bad, indices.length);
    const isBad = new Set(bad.map(({ place }) => place));
    const good = samples.filter(({ place }) => !isBad.has(place));
    const pixels = new Uint8Array(buffer, 0, good.length * length);
    for (const [to, { place }] of good.entries())
      if (to !== place) pixels.set(new Uint8Array(buffer, place * length, length), to * length);
    return { pixels, labels: Int32Array.from(good, ({ key }) => this.#source.labels[key.index] as number) };
  }

  /** Stops at bad samples or takes note of them. */
  #judge(bad: readonly BadSample[], batch: number): void {
    const [first] = bad;
    if (first === undefined) return;
    const { onBadSample = "fail", onSkip } = this.#options;
    if (onBadSample === "fail") {
      throw new PeaError(
        `${first.name} cannot be read: ${first.reason}. Repair or remove it, or go on without such images ` +
          "with --on-bad-sample skip",
      );
    }
    for (const { name, reason } of bad) {
      if (this.skipped.has(name)) continue;
      this.skipped.set(name, { name, reason });
      onSkip?.({ name, reason });
    }
    if (bad.length === batch) {
      throw new PeaError(
        `none of the ${batch} images of a batch can be read; the first is ${first.name}: ${first.reason}`,
      );
    }
  }

  #toTensors({ pixels, labels }: DecodedBatch): Batch {
    const { statistics = imagenetStatistics, device = "cpu", size } = this.#options;
    return scope(() => {
      const shape = [labels.length, size.height, size.width, 3];
      const images: Tensor = permute(tensor(pixels, { shape }), [0, 3, 1, 2]);
      return {
        images: standardize(images, statistics, device),
        labels: tensor(labels, { dtype: "int64", device }),
      };
    });
  }
}
