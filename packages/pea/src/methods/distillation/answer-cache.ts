/**
 * A teacher's logits of images that come again.
 *
 * @module
 */
import { type Tensor, tensor } from "@pea/torch";

/** Bytes of logits that are kept at most. */
const mostBytes = 64 * 2 ** 20;

/** More forms of a sample than augmentation makes where they can be counted. */
const mostVariants = 2 ** 20;

/** Logits by sample and form of it, the first that come up to 64 MiB. */
export class AnswerCache {
  readonly #rows = new Map<number, Float32Array>();

  /** @param variant which of the forms that augmentation makes of the sample */
  get(index: number, variant: number): Float32Array | undefined {
    return this.#rows.get(keyOf(index, variant));
  }

  set(index: number, variant: number, logits: Float32Array): void {
    if ((this.#rows.size + 1) * logits.byteLength <= mostBytes) this.#rows.set(keyOf(index, variant), logits);
  }

  get size(): number {
    return this.#rows.size;
  }

  /** What it holds, for a checkpoint: a run that goes on must not answer anew in batches of other sizes. */
  tensors(): Map<string, Tensor> {
    const [first] = this.#rows.values();
    if (first === undefined) return new Map();
    const logits = new Float32Array(this.#rows.size * first.length);
    for (const [i, row] of [...this.#rows.values()].entries()) logits.set(row, i * first.length);
    return new Map([
      ["keys", tensor(BigInt64Array.from(this.#rows.keys(), BigInt))],
      ["logits", tensor(logits, { shape: [this.#rows.size, first.length] })],
    ]);
  }

  load(tensors: ReadonlyMap<string, Tensor>): void {
    this.#rows.clear();
    const [keys, logits] = [tensors.get("keys"), tensors.get("logits")];
    if (keys === undefined || logits === undefined) return;
    const [, classes = 0] = logits.shape;
    const values = logits.toTypedArray() as Float32Array;
    for (const [i, key] of (keys.toTypedArray() as BigInt64Array).entries())
      this.#rows.set(Number(key), values.slice(i * classes, (i + 1) * classes));
  }
}

const keyOf = (index: number, variant: number): number => index * mostVariants + variant;
