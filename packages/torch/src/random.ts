import { native } from "./binding.ts";
import { TorchError } from "./error.ts";
import { rethrow, Tensor, wrap } from "./tensor.ts";

/**
 * Seeds the global generators, which initialization and dropout draw from: the CPU's, and those of all GPUs where CUDA
 * is available.
 *
 * @param seed an integer of 64 bits, signed or unsigned (-1 is 2^64 − 1); BigInt beyond 2^53
 * @throws TorchError for any other value
 */
export function manualSeed(seed: number | bigint): void {
  if (!isSeed(seed)) {
    throw new TorchError(
      `manualSeed: the seed must be an integer of 64 bits (beyond 2^53: a BigInt), got ${String(seed)}`,
    );
  }
  rethrow("manualSeed", () => native.manualSeed(typeof seed === "bigint" ? BigInt.asIntN(64, seed) : seed));
}

function isSeed(seed: number | bigint): boolean {
  if (typeof seed !== "bigint") return Number.isSafeInteger(seed);
  return seed === BigInt.asIntN(64, seed) || seed === BigInt.asUintN(64, seed);
}

/**
 * The state of a device's global generator, as uint8 [bytes] on the CPU: what `setRngState` takes to go on from this
 * very point. `"cuda"` is the current GPU.
 *
 * @throws TorchError for a device that is not there
 */
export function getRngState(device = "cpu"): Tensor {
  return wrap(rethrow("getRngState", () => native.rngState(device)));
}

/** @throws TorchError for a tensor that is not such a state, and for a device that is not there */
export function setRngState(state: Tensor, device = "cpu"): void {
  rethrow("setRngState", () => native.setRngState(Tensor.handleOf(state, "the state"), device));
}
