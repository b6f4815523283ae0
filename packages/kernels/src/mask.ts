/**
 * The masks of the stochastic ensemble by plain operators: native/mask_generator.h in int64 arithmetic, bit for bit.
 */
import {
  add,
  arange,
  bitwiseAnd,
  bitwiseRightShift,
  bitwiseXor,
  call,
  cat,
  fullLike,
  ge,
  le,
  mul,
  scope,
  type Tensor,
} from "@pea/torch";

/** The key of a mask, and the probability of ReLU. */
export interface MaskOptions {
  /** Probability of ReLU, between 0 and 1 (both excluded: there no mask is needed). */
  alpha: number;
  seed?: number | bigint;
  site?: number;
  step?: number;
  /** Where the mask is made, default `"cpu"`. */
  device?: string;
}

/**
 * Where the stochastic ensemble takes ReLU, for the elements `first`, `first + 1`, … of a tensor in memory order.
 *
 * @returns bool tensor of shape [count]
 */
export function ensembleMask(count: number, options: MaskOptions, first = 0): Tensor {
  return scope(() => {
    const pieces: Tensor[] = [];
    for (let begin = first; begin < first + count || pieces.length === 0; ) {
      // The key words hold the high half of the index.
      const high = Math.floor(begin / 2 ** 32);
      const end = Math.min(first + count, (high + 1) * 2 ** 32);
      pieces.push(maskPiece(begin - high * 2 ** 32, end - high * 2 ** 32, high, options));
      begin = end;
    }
    return pieces.length === 1 ? (pieces[0] as Tensor) : cat(pieces);
  });
}

/** The mask of all elements of a dense tensor, in its shape and memory order. */
export function maskLike(x: Tensor, options: MaskOptions): Tensor {
  const mask = ensembleMask(x.numel, { ...options, device: x.device });
  return call("aten::as_strided", mask, x.shape, x.strides);
}

/** The same in a fraction of the time by the kernels, which must be loaded: x in float32 or float64 on the CPU. */
export function maskOfKernels(x: Tensor, { alpha, seed = 0, site = 0, step = 0 }: MaskOptions): Tensor {
  return scope(() => {
    // Of −1 ELU is below 0 and ReLU is not.
    const drawn = call(
      "pea::ensemble_act",
      fullLike(x, -1),
      ...["elu", "stochastic", alpha, seed, site, step],
    );
    return ge(drawn, 0);
  });
}

const low32 = 0xffffffff;

function maskPiece(begin: number, end: number, indexHigh: number, options: MaskOptions): Tensor {
  const { alpha, seed = 0, site = 0, step = 0, device } = options;
  const [before, between, after] = keyWords([seed, site, step, indexHigh]);
  let x = bitwiseAnd(add(mul(arange(begin, end, 1, { device }), 0x61c88647), before), low32);
  x = bitwiseXor(x, bitwiseRightShift(x, 16));
  x = bitwiseAnd(add(mul(x, 0x21f0aaad), between), low32);
  x = bitwiseXor(x, bitwiseRightShift(x, 15));
  x = bitwiseAnd(add(mul(x, 0x735a2d97), after), low32);
  return le(x, Math.ceil(alpha * 2 ** 32) - 1);
}

const goldenRatio = 0x9e3779b97f4a7c15n;

/** The three 32-bit words in which (seed, site, step, high half of the index) enter the draws. */
function keyWords(key: readonly (number | bigint)[]): [number, number, number] {
  const state = key.reduce<bigint>((mixed, word) => mix((mixed ^ uint64(word)) + goldenRatio), 0n);
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
