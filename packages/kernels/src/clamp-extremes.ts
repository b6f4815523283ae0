import { call, type Tensor } from "@pea/torch";
import { loadKernels } from "./load.ts";
import { hasMemoryFormat } from "./memory-order.ts";

/** What numbers are clamped to; to one side where the other is absent. */
export interface ClampBounds {
  readonly min?: number;
  readonly max?: number;
}

/**
 * Least and greatest of the numbers of a tensor, clamped in place before where there are bounds: one pass over memory for what
 * takes two. Numbers clamped are bit for bit libtorch's `clamp_`.
 *
 * @param values float32, contiguous or in channels_last
 * @returns both NaN where a number is, ∞ and −∞ where there is none; undefined, having done nothing, off the CPU, for other
 *   dtypes, for memory with gaps and without the kernels
 */
export function clampExtremes(
  values: Tensor,
  { min, max }: ClampBounds = {},
): { min: number; max: number } | undefined {
  if (!hasMemoryFormat(values) || values.device !== "cpu" || values.dtype !== "float32" || !loadKernels())
    return undefined;
  const [least, greatest] = call<[number, number]>("pea::clamp_extremes_", values, min, max);
  return { min: least, max: greatest };
}
