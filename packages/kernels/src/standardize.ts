import { call, type Tensor } from "@pea/torch";
import { loadKernels } from "./load.ts";

/** For each channel: what is taken off a byte, and what the rest is divided by. */
export interface StandardizeOptions {
  readonly offset: readonly number[];
  readonly scale: readonly number[];
}

/**
 * (images − offset) / scale in one pass over memory; bit for bit what a cast, a subtraction and a division give.
 *
 * @param images uint8 [B, C, H, W] on the CPU, in any memory order
 * @returns float32 [B, C, H, W] in channels_last; undefined, having done nothing, off the CPU and without the kernels
 */
export function standardizeBytes(images: Tensor, { offset, scale }: StandardizeOptions): Tensor | undefined {
  if (images.device !== "cpu" || !loadKernels()) return undefined;
  return call("pea::standardize", images, offset, scale);
}
