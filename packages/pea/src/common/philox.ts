/**
 * Random numbers that are a function of a counter and a key (Philox4x32-10; Salmon et al., "Parallel random numbers:
 * as easy as 1, 2, 3", 2011). Nothing is carried from one draw to the next: whoever knows the seed and what a number
 * is for gets it again, in any order, on any worker, after any interruption.
 *
 * @module
 */

/** 32-bit words. */
type Words4 = readonly [number, number, number, number];

/** High and low word of the 64-bit product of two 32-bit words. */
function multiply(a: number, b: number): [high: number, low: number] {
  const [a1, a0, b1, b0] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff];
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  const carry = a0 * b1 + (middle & 0xffff);
  return [
    (a1 * b1 + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)) >>> 0,
    Math.imul(a, b) >>> 0,
  ];
}

/** The four random words that belong to a counter under a key. */
export function philox(counter: Words4, key: readonly [number, number]): Words4 {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const [high0, low0] = multiply(0xd2511f53, c0);
    const [high1, low1] = multiply(0xcd9e8d57, c2);
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** What the numbers are for: streams of different purposes are independent under one seed. */
const purposes = {
  split: 1,
  shuffle: 2,
  augmentation: 3,
  crop: 4,
  scenes: 5,
  methods: 6,
  draw: 7,
  images: 8,
  ranks: 9,
} as const;
export type Purpose = keyof typeof purposes;

/**
 * Four random words for item `index` of `epoch`.
 *
 * @param seed integer from 0 to 2^53 − 1
 * @param block numbers the fours of an item that needs more than one
 */
export function randomWords(seed: number, purpose: Purpose, epoch: number, index: number, block = 0): Words4 {
  return philox([index, epoch, purposes[purpose], block], [seed >>> 0, Math.floor(seed / 2 ** 32)]);
}

/** A 32-bit word as an integer in [0, bound); values differ in probability by less than bound / 2^32. */
export function bounded(word: number, bound: number): number {
  return Math.floor((word / 2 ** 32) * bound);
}

/** The words of items 0, 1, … of `epoch`, one at each call. Arguments as those of `randomWords`. */
export function wordStream(seed: number, purpose: Purpose, epoch: number, block = 0): () => number {
  let words: Words4 = [0, 0, 0, 0];
  let count = 0;
  return () => {
    if (count % 4 === 0) words = randomWords(seed, purpose, epoch, count / 4, block);
    return words[count++ % 4] as number;
  };
}

/** A random order of 0 … length − 1 (Fisher-Yates), a function of the seed, the purpose and the epoch. */
export function permutation(length: number, seed: number, purpose: Purpose, epoch: number): Int32Array {
  return shuffled(length, wordStream(seed, purpose, epoch));
}

/** The same by the words that `word` gives. */
export function shuffled(length: number, word: () => number): Int32Array {
  const order = Int32Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    const j = bounded(word(), i + 1);
    const value = order[i] as number;
    order[i] = order[j] as number;
    order[j] = value;
  }
  return order;
}
