import type { StreamingLoader } from "./streaming-loader.ts";
import { type SkippedSample, UnreadableImagesError } from "./unreadable-images.ts";

/** Shares in work at once: each waits behind the batches that the pool was asked for before it. */
const AT_ONCE = 4;

/** Images to look at, through the loader that will decode them. */
export interface ImagesToCheck {
  readonly loader: Pick<StreamingLoader, "look" | "batchSize">;
  readonly indices: Int32Array;
}

export interface ImageCheckOptions {
  /** Training steps that the check is spread over. */
  readonly steps: number;
  /** What to do with an image that cannot be read. */
  readonly onBadSample: "fail" | "skip";
}

/**
 * Looks at images that a training run comes to late, while it trains: a damaged one is then found in the first epoch and
 * not after the last. Each step asks the loaders' pool for its share, which waits behind the batches that have been asked
 * for before; what is trained does not depend on it.
 */
export class ImageCheck {
  /** The images found so far that cannot be read. */
  readonly found: SkippedSample[] = [];
  readonly #options: ImageCheckOptions;
  readonly #isIdle: boolean;
  /** What is asked for at a time. */
  readonly #shares: readonly ImagesToCheck[];
  /** Training steps done. */
  #steps = 0;
  /** Shares that have been asked for. */
  #asked = 0;
  readonly #inWork = new Set<Promise<void>>();
  #failure: unknown;

  constructor(images: readonly ImagesToCheck[], options: ImageCheckOptions) {
    this.#options = options;
    this.#isIdle = images.length === 0;
    const total = images.reduce((sum, { indices }) => sum + indices.length, 0);
    const share = Math.ceil(total / options.steps);
    this.#shares = images.flatMap(({ loader, indices }) => {
      const size = Math.min(share, loader.batchSize);
      return Array.from({ length: Math.ceil(indices.length / size) }, (_, i) => ({
        loader,
        indices: indices.subarray(i * size, (i + 1) * size),
      }));
    });
  }

  /** Whether a further step has nothing to look at; the same on all of several processes. */
  get isDone(): boolean {
    return this.#isIdle || this.#steps >= this.#options.steps;
  }

  /**
   * After a training step: asks for the share that is due; after the last of the steps waits for all.
   *
   * @throws UnreadableImagesError where images have been found that are to stop the run
   */
  async advance(): Promise<void> {
    const { steps, onBadSample } = this.#options;
    if (++this.#steps > steps) return;
    if (this.#steps === steps) await this.finish();
    else this.#askFor(Math.ceil((this.#shares.length * this.#steps) / steps));
    if (onBadSample === "fail" && this.found.length > 0) throw new UnreadableImagesError(this.found);
  }

  /** Looks at all images that are left. */
  async finish(): Promise<void> {
    const all = this.#shares.length;
    for (this.#askFor(all); this.#inWork.size > 0; this.#askFor(all)) await Promise.race(this.#inWork);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Asks for so many shares in all, as far as few enough are in work. */
  #askFor(due: number): void {
    while (this.#asked < due && this.#inWork.size < AT_ONCE && this.#failure === undefined) {
      const work = this.#look(this.#shares[this.#asked++] as ImagesToCheck).finally(() =>
        this.#inWork.delete(work),
      );
      this.#inWork.add(work);
    }
  }

  async #look({ loader, indices }: ImagesToCheck): Promise<void> {
    try {
      this.found.push(...(await loader.look(indices)));
    } catch (error) {
      // Of a pool that is closed where the run ended meanwhile; else the loaders of the run fail alike.
      this.#failure = error;
    }
  }
}
