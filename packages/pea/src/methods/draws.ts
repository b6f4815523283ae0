/**
 * Random numbers of a training method, a function of the run's seed, the method and the step, or the image.
 *
 * @module
 */
import { randomWords, shuffled, wordStream } from "../common/philox.ts";
import type { SampleKey } from "../images/transforms/move.ts";

/** A stream of random numbers. */
export interface Draws {
  /** Uniform in (0, 1). */
  uniform(): number;
  /** Of the standard normal distribution. */
  normal(): number;
  /** A random order of 0 … length − 1, length below 2^32. */
  permutation(length: number): Int32Array;
}

/**
 * The numbers that a method draws in a step: the same whenever they are asked for, and independent of those of other
 * methods, other steps, other seeds and all else that a run draws.
 *
 * @param method its name
 * @param seed of the run, an integer from 0 to 2^53 − 1
 * @param step below 2^32
 */
export function drawsOf(method: string, seed: number, step: number): Draws {
  return drawsBy(wordStream(seed, "methods", step, hash(method)));
}

/** The same for an image in an epoch, in whatever batch, process or run it comes. */
export function drawsOfImage(method: string, { seed, epoch, index }: SampleKey): Draws {
  const first = hash(method);
  let words: readonly number[] = [];
  let count = 0;
  return drawsBy(() => {
    if (count % 4 === 0) words = randomWords(seed, "images", epoch, index, (first + count / 4) >>> 0);
    return words[count++ % 4] as number;
  });
}

/** Numbers made of the words that `word` gives. */
function drawsBy(word: () => number): Draws {
  const uniform = () => (word() + 0.5) / 2 ** 32;
  return {
    uniform,
    // Box and Muller's.
    normal: () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()),
    permutation: (length) => shuffled(length, word),
  };
}

/** Fowler, Noll and Vo's FNV-1a of a name, 32 bits. */
function hash(name: string): number {
  return [...Buffer.from(name)].reduce((sum, byte) => Math.imul(sum ^ byte, 0x01000193) >>> 0, 0x811c9dc5);
}
