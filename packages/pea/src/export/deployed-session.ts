/**
 * What was written, as it computes.
 *
 * @module
 */
import { elementsOf } from "@pea/graph";

/** What a network says of some images. */
export interface Logits {
  /** Images, classes and, in segmentation, height and width. */
  readonly shape: readonly number[];
  /** Row-major. */
  readonly values: Float32Array;
}

/**
 * A loaded file. `run` maps images `[batch, channels, height, width]` (row-major) to logits; `onImages` is told of those done so
 * far where it takes a few at a time.
 */
export interface DeployedSession {
  run(images: Float32Array, shape: readonly number[], onImages?: (done: number) => void): Promise<Logits>;
  release(): Promise<void>;
}

/**
 * Images through a file that takes so many at a time: it is run as often as it takes, the last time with images of zeros, whose
 * logits are left out.
 */
export async function runInBatches(
  run: DeployedSession["run"],
  batch: number,
  images: Float32Array,
  [count = 0, ...imageShape]: readonly number[],
  onImages?: (done: number) => void,
): Promise<Logits> {
  const size = elementsOf(imageShape);
  let values = new Float32Array();
  let answer: readonly number[] = [];
  for (let first = 0; first < count; first += batch) {
    const filled = new Float32Array(batch * size);
    filled.set(images.subarray(first * size, (first + batch) * size));
    const logits = await run(filled, [batch, ...imageShape]);
    if (first === 0) {
      answer = logits.shape.slice(1);
      values = new Float32Array(count * elementsOf(answer));
    }
    const some = Math.min(batch, count - first);
    values.set(logits.values.subarray(0, some * elementsOf(answer)), first * elementsOf(answer));
    onImages?.(first + some);
  }
  return { shape: [count, ...answer], values };
}
