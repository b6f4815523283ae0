import { PeaError } from "@pea/core";
import { cast, permute, scope, type Tensor, tensor } from "@pea/torch";
import { type Place, shareOf } from "../../distributed/share.ts";
import { imagenetStatistics } from "../../images/known-statistics.ts";
import { classesOfBytes } from "../../images/label-table.ts";
import type { PixelStatistics } from "../../images/pixel-statistics.ts";
import type { Preprocessing } from "../../images/preprocess.ts";
import {
  type CropName,
  type EvaluationCrop,
  evaluationCropNames,
  type Size,
} from "../../images/transforms/crop.ts";
import type { SentImageChange } from "../../images/transforms/image-change.ts";
import { variantsOf } from "../../images/transforms/move.ts";
import { standardize } from "../../images/transforms/standardize.ts";
import type { SampleSource } from "../sources/sample-source.ts";
import type { DecodePool } from "./decode-pool.ts";
import type { BadSample, DecodeSample } from "./decode-worker.ts";
import { EpochOrder } from "./epoch-order.ts";
import type { Batch, BatchLoader, TrainingOptions } from "./loader.ts";
import { type SkippedSample, UnreadableImagesError } from "./unreadable-images.ts";

/** Batches in work beside the one that the network is at. */
const PREFETCH = 3;

export interface StreamingTrainingOptions extends TrainingOptions {
  /** Part of each training image that is taken. */
  readonly crop?: CropName;
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
   * epoch to epoch). Left out: every sample in order, the last batch maybe smaller.
   */
  readonly training?: StreamingTrainingOptions;
  /** Part of each image that is taken without `training`, central by default. Images with label maps are taken whole. */
  readonly evaluationCrop?: EvaluationCrop;
  /** Turn images by their EXIF orientation (default). */
  readonly exifOrientation?: boolean;
  /** Where the batches go, `"cpu"` by default. */
  readonly device?: string;
  /** Of several processes that share each batch, this one; left out: it has them whole. */
  readonly place?: Place;
  /**
   * What to do with an image that cannot be read: stop (default), or go on without it, its batch being smaller. An
   * evaluation passes over a batch that has no other.
   */
  readonly onBadSample?: "fail" | "skip";
  /** Told of each image that is skipped, once. */
  readonly onSkip?: (sample: SkippedSample) => void;
}

/** Buffers of a batch. */
interface Buffers {
  /** RGB. */
  readonly pixels: SharedArrayBuffer;
  /** Classes of pixels, where samples have label maps. */
  readonly map?: SharedArrayBuffer;
}

/** A batch as bytes: those samples that could be read, one after the other. */
interface DecodedBatch {
  readonly buffers: Buffers;
  readonly indices: Int32Array;
  readonly variants?: Int32Array;
}

/**
 * Reads and decodes the images of each batch when it is needed, some batches ahead, on the threads of a pool. What a
 * batch holds depends on the seed, the epoch and the step alone; the images are never in memory all at once.
 */
export class StreamingLoader implements BatchLoader {
  readonly stepsPerEpoch: number;
  readonly samplesPerEpoch: number;
  readonly batchSize: number;
  readonly skipped = new Map<string, SkippedSample>();
  readonly #source: SampleSource;
  readonly #options: StreamingLoaderOptions;
  readonly #order: EpochOrder;
  readonly #preprocessing: Preprocessing;
  readonly #changes: readonly SentImageChange[];
  /** Buffers of batches that are done with. */
  readonly #free: Buffers[] = [];
  readonly #classOf: Int16Array | undefined;

  /** @throws PeaError (usage) for a batch size that gives no batch */
  constructor(source: SampleSource, options: StreamingLoaderOptions) {
    const { batchSize, training, size, evaluationCrop = "central", exifOrientation = true } = options;
    this.#source = source;
    this.#options = options;
    this.batchSize = batchSize;
    this.#order = new EpochOrder(source.labels.length, {
      batchSize,
      shuffleSeed: training?.seed,
      stepsPerEpoch: training?.stepsPerEpoch,
    });
    this.stepsPerEpoch = this.#order.stepsPerEpoch;
    this.samplesPerEpoch = this.#order.samplesPerEpoch;
    const { crop = "central", flip, padding } = training ?? { crop: evaluationCrop, flip: false, padding: 0 };
    const { labelTable } = source;
    this.#classOf = labelTable && classesOfBytes(labelTable);
    this.#preprocessing = { crop: labelTable ? "whole" : crop, flip, padding, size, exifOrientation };
    this.#changes = (training?.changes ?? []).map(({ module, settings }) => ({ module, settings }));
  }

  /**
   * @throws UnreadableImagesError naming those of a batch that cannot be read, where that is to stop the run; PeaError for
   * a batch to train on of only such
   */
  async *batches(epoch = 0, fromStep = 0): AsyncGenerator<Batch, void, undefined> {
    const { place } = this.#options;
    const order = this.#order.batches(epoch, fromStep);
    const ahead: Promise<DecodedBatch>[] = [];
    const request = () => {
      const { value: whole, done } = order.next();
      if (done) return;
      const decoding = this.#decode(place ? shareOf(whole, place) : whole, epoch);
      // A failure is thrown when its batch's turn comes; until then, or if it never does, it is no unhandled one.
      decoding.catch(() => {});
      ahead.push(decoding);
    };
    for (let i = 0; i < PREFETCH; i++) request();
    for (let next = ahead.shift(); next !== undefined; next = ahead.shift()) {
      const decoded = await next;
      request();
      const batch = decoded.indices.length === 0 ? null : this.#toTensors(decoded);
      this.#free.push(decoded.buffers);
      if (batch === null) continue;
      try {
        yield batch;
      } finally {
        batch.images.dispose();
        batch.labels.dispose();
      }
    }
  }

  /** Samples that no batch of an epoch holds. */
  leftOver(epoch: number): Int32Array {
    return this.#order.leftOver(epoch);
  }

  /**
   * Decodes some samples, at most a batch, as an epoch's batch would, only to see whether they can be read.
   *
   * @returns those that cannot; where such are skipped, they count as skipped from then on
   */
  async look(indices: Int32Array, epoch = 0): Promise<SkippedSample[]> {
    const { buffers, bad } = await this.#read(indices, epoch);
    this.#free.push(buffers);
    if (this.#options.onBadSample === "skip") this.#skip(bad);
    return bad.map(({ name, reason }) => ({ name, reason }));
  }

  async #decode(indices: Int32Array, epoch: number): Promise<DecodedBatch> {
    const { size } = this.#options;
    const { buffers, samples, bad } = await this.#read(indices, epoch);
    this.#judge(bad, indices.length);
    const isBad = new Set(bad.map(({ place }) => place));
    const good = samples.filter(({ place }) => !isBad.has(place));
    const places = good.map(({ place }) => place);
    closeUp(buffers.pixels, places, 3 * size.width * size.height);
    if (buffers.map) closeUp(buffers.map, places, size.width * size.height);
    const known = Int32Array.from(good, ({ key }) => key.index);
    const variants = this.#variants(known, epoch);
    return { buffers, indices: known, ...(variants && { variants }) };
  }

  /** Samples as bytes, each in its place, but for those that cannot be read. */
  async #read(
    indices: Int32Array,
    epoch: number,
  ): Promise<{ buffers: Buffers; samples: DecodeSample[]; bad: BadSample[] }> {
    const { pool, training } = this.#options;
    const buffers = this.#free.pop() ?? this.#newBuffers();
    const samples = Array.from(indices, (index, place) => ({
      location: this.#source.locate(index),
      key: { seed: training?.seed ?? 0, epoch, index },
      place,
    }));
    const { pixels, map } = buffers;
    const classes = map && this.#classOf && { map, classOf: this.#classOf };
    const bad = await pool.decode(samples, this.#preprocessing, { pixels, classes }, this.#changes);
    return { buffers, samples, bad };
  }

  /** Of images whose crop and changes are not drawn at random. */
  #variants(indices: Int32Array, epoch: number): Int32Array | undefined {
    const { training } = this.#options;
    const isDrawn = !evaluationCropNames.some((name) => name === this.#preprocessing.crop);
    if (training === undefined || isDrawn || this.#changes.length > 0) return undefined;
    return variantsOf(training, { seed: training.seed, epoch, indices });
  }

  #newBuffers(): Buffers {
    const { batchSize, size } = this.#options;
    const pixels = batchSize * size.width * size.height;
    return {
      pixels: new SharedArrayBuffer(3 * pixels),
      ...(this.#classOf && { map: new SharedArrayBuffer(pixels) }),
    };
  }

  /** Stops at bad samples or takes note of them. */
  #judge(bad: readonly BadSample[], batch: number): void {
    const [first] = bad;
    if (first === undefined) return;
    const { onBadSample = "fail", training, place } = this.#options;
    if (onBadSample === "fail")
      throw new UnreadableImagesError(bad.map(({ name, reason }) => ({ name, reason })));
    this.#skip(bad);
    if (training && bad.length === batch) {
      const whose = place ? "a process's share of a batch" : "a batch";
      const remedy = place ? "give each process more images: start fewer" : "take a larger batchSize";
      const { name, reason } = first;
      throw new PeaError(
        batch === 1
          ? `the one image of ${whose} cannot be read: ${name}: ${reason}; mend or remove it, or ${remedy}`
          : `none of the ${batch} images of ${whose} can be read; the first is ${name}: ${reason}; mend or remove them, or ${remedy}`,
      );
    }
  }

  /** Takes note of samples that are left out. */
  #skip(bad: readonly BadSample[]): void {
    for (const { name, reason } of bad) {
      if (this.skipped.has(name)) continue;
      this.skipped.set(name, { name, reason });
      this.#options.onSkip?.({ name, reason });
    }
  }

  #toTensors({ buffers: { pixels, map }, indices, variants }: DecodedBatch): Batch {
    const { statistics = imagenetStatistics, device = "cpu", size } = this.#options;
    const { length } = indices;
    const { height, width } = size;
    const bytes = (buffer: SharedArrayBuffer, shape: readonly number[]): Tensor =>
      tensor(
        new Uint8Array(
          buffer,
          0,
          shape.reduce((a, b) => a * b),
        ),
        { shape },
      );
    return scope(() => {
      const images = permute(bytes(pixels, [length, height, width, 3]), [0, 3, 1, 2]);
      const labels = map
        ? bytes(map, [length, height, width])
        : tensor(indices.map((index) => this.#source.labels[index] as number));
      return {
        images: standardize(images, statistics, device),
        labels: cast(labels, { dtype: "int64", device }),
        indices,
        ...(variants && { variants }),
      };
    });
  }
}

/** Moves what lies at `places`, ascending, to the front. */
function closeUp(buffer: SharedArrayBuffer, places: readonly number[], length: number): void {
  const bytes = new Uint8Array(buffer);
  for (const [to, place] of places.entries())
    if (to !== place) bytes.copyWithin(to * length, place * length, (place + 1) * length);
}
