/** Uniform numbers in [0, 1) that follow from a seed: a linear congruential generator, good enough for noise. */
export function uniform(seed: number): () => number {
  let word = seed + 1;
  return () => {
    word = (Math.imul(word, 1664525) + 1013904223) >>> 0;
    return word / 2 ** 32;
  };
}
