/**
 * The masks of the stochastic ensemble, composed of libtorch's integer operators: the same bits as
 * native/mask_generator.h draws, on any device.
 *
 * @module
 */
import { arange, call, type Tensor, TorchError } from "@pea/torch";

/** What the draws of one call follow from. */
export interface MaskStream {
  /** Seed of the run. */
  seed: number;
  /** Index of the activation site. */
  site: number;
  /** Training step. */
  step: number;
}

const WORD = 0xffffffff;
const MASK64 = (1n << 64n) - 1n;
const GOLDEN_RATIO = 0x9e3779b97f4a7c15n;

/** SplitMix64's output function. */
function mix(z: bigint): bigint {
  let mixed = z & MASK64;
  mixed = ((mixed ^ (mixed >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK64;
  mixed = ((mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn) & MASK64;
  return mixed ^ (mixed >> 31n);
}

/** The key words of the first 2^32 elements. */
function maskKey({ seed, site, step }: MaskStream): { before: number; between: number; after: number } {
  let state = 0n;
  for (const word of [seed, site, step, 0]) {
    state = mix((state ^ BigInt.asUintN(64, BigInt(word))) + GOLDEN_RATIO);
  }
  const first = mix(state + GOLDEN_RATIO);
  const second = mix(state + 2n * GOLDEN_RATIO);
  return {
    before: Number(first >> 32n),
    between: Number(first & BigInt(WORD)),
    after: Number(second & BigInt(WORD)),
  };
}

const low32 = (x: Tensor) => call("aten::bitwise_and.Scalar", x, WORD);
const xorShift = (x: Tensor, shift: number) =>
  call("aten::bitwise_xor.Tensor", x, call("aten::__rshift__.Scalar", x, shift));
const multiplyAdd = (x: Tensor, factor: number, term: number) =>
  low32(call("aten::add.Scalar", call("aten::mul.Scalar", x, factor), term));

/**
 * Where the stochastic ensemble takes ReLU: a bool tensor with the shape and strides of `x`.
 *
 * @param x dense in memory; the index of an element is its place there
 * @throws TorchError beyond 2^32 elements
 */
export function reluMask(x: Tensor, alpha: number, stream: MaskStream): Tensor {
  if (x.numel > WORD)
    throw new TorchError(`a mask of ${x.numel} elements needs the native kernels (at most 2^32 here)`);
  const key = maskKey(stream);
  const index = call("aten::as_strided", arange(0, x.numel, 1, { device: x.device }), x.shape, x.strides);
  let draw = low32(call("aten::add.Scalar", index, key.before));
  draw = multiplyAdd(xorShift(draw, 16), 0x21f0aaad, key.between);
  draw = multiplyAdd(xorShift(draw, 15), 0x735a2d97, key.after);
  return call("aten::lt.Scalar", draw, Math.ceil(alpha * 2 ** 32));
}
