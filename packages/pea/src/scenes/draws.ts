import { bounded, randomWords } from "../common/philox.ts";

/** Random numbers, one after the other: a function of the seed, the split and the scene. */
export class Draws {
  readonly #key: readonly [seed: number, split: number, scene: number];
  #block = 0;
  #words: number[] = [];

  constructor(seed: number, split: number, scene: number) {
    this.#key = [seed, split, scene];
  }

  #word(): number {
    if (this.#words.length === 0) {
      const [seed, split, scene] = this.#key;
      this.#words = [...randomWords(seed, "scenes", split, scene, this.#block++)];
    }
    return this.#words.pop() as number;
  }

  /** A whole number from 0 up to but not `bound`. */
  below(bound: number): number {
    return bounded(this.#word(), bound);
  }

  /** A number from `low` up to but not `high`. */
  between(low: number, high: number): number {
    return low + (high - low) * (this.#word() / 2 ** 32);
  }
}
