import { checkAlpha } from "./ensemble.ts";
import { PeaError } from "./error.ts";

/** What a mask of the stochastic ensemble follows from, besides an element's place. */
export interface MaskKey {
  /** Seed of the run, an integer. */
  readonly seed: number | bigint;
  /** Index of the activation site in the network. */
  readonly site: number;
  /** Training step, from 0. */
  readonly step: number;
}

/**
 * Where the stochastic ensemble takes ReLU (1) and where the smooth activation (0), for the elements 0, 1, … of a
 * tensor in memory order: ReLU with probability α, each element for itself (paper section 3.2). A draw is a function of
 * the key and the element's index alone, so that whoever knows them draws it again: in the backward pass, on another
 * thread, in a resumed run. These are the bits that the fused kernels draw.
 *
 * @param count number of elements, at most 2^32
 * @param alpha probability of ReLU, from 0 to 1
 * @throws PeaError of kind usage for another count or alpha
 */
export function stochasticMask(count: number, alpha: number, key: MaskKey): Uint8Array {
  checkAlpha(alpha);
  if (!Number.isSafeInteger(count) || count < 0 || count > 2 ** 32)
    throw new PeaError(`count must be a whole number from 0 to 2^32, not ${count}`, { kind: "usage" });
  const mask = new Uint8Array(count);
  if (alpha === 0 || alpha === 1) return mask.fill(alpha);
  const [before, between, after] = keyWords(key);
  const limit = Math.ceil(alpha * 2 ** 32) - 1;
  let counter = before;
  for (let i = 0; i < count; i++) {
    let x = counter ^ (counter >>> 16);
    x = (Math.imul(x, 0x21f0aaad) + between) | 0;
    x ^= x >>> 15;
    x = Math.imul(x, 0x735a2d97) + after;
    mask[i] = x >>> 0 <= limit ? 1 : 0;
    // A Weyl sequence: 2^32 / φ², odd.
    counter = (counter + 0x61c88647) | 0;
  }
  return mask;
}

const goldenRatio = 0x9e3779b97f4a7c15n;

/** The three 32-bit words in which the key enters the draws; the last one is the index's high half, here 0. */
function keyWords({ seed, site, step }: MaskKey): [number, number, number] {
  const state = [seed, site, step, 0].reduce<bigint>(
    (mixed, word) => mix((mixed ^ uint64(word)) + goldenRatio),
    0n,
  );
  const first = mix(state + goldenRatio);
  const second = mix(state + 2n * goldenRatio);
  return [Number(first >> 32n), Number(BigInt.asUintN(32, first)), Number(BigInt.asUintN(32, second))];
}

function uint64(word: number | bigint): bigint {
  return BigInt.asUintN(64, BigInt(word));
}

/** SplitMix64's output function. */
function mix(value: bigint): bigint {
  let z = uint64(value);
  z = uint64((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
  z = uint64((z ^ (z >> 27n)) * 0x94d049bb133111ebn);
  return z ^ (z >> 31n);
}
