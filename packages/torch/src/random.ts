import { native } from "./binding.ts";
import { rethrow, Tensor, wrap } from "./tensor.ts";

/** Seeds the global generator of the CPU, which initialization and dropout draw from. An integer; BigInt beyond 2^53. */
export function manualSeed(seed: number | bigint): void {
  rethrow("manualSeed", () => native.manualSeed(seed));
}

/** The global generator's state, as uint8 [bytes]: what `setRngState` takes to go on from this very point. */
export function getRngState(): Tensor {
  return wrap(native.rngState());
}

/** @throws TorchError for a tensor that is not such a state */
export function setRngState(state: Tensor): void {
  rethrow("setRngState", () => native.setRngState(Tensor.handleOf(state, "the state")));
}
