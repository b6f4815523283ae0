/**
 * Images of another size.
 * @module
 */
import { call } from "../call.ts";
import { TorchError } from "../error.ts";
import { optionsOf } from "../options.ts";
import type { Tensor } from "../tensor.ts";

/** [N, C, H, W] at another size, bilinear between pixel centres (half-pixel; `align_corners = false`), no antialiasing. */
export function upsampleBilinear2d(self: Tensor, size: readonly [height: number, width: number]): Tensor {
  return call("aten::upsample_bilinear2d", self, size, false);
}

/** [N, C, H, W] at another size: element ⌊i · H / height⌋ of each axis. */
export function upsampleNearest2d(self: Tensor, size: readonly [height: number, width: number]): Tensor {
  return call("aten::upsample_nearest2d", self, size);
}

/** What `interpolate` brings images to: one of `size` and `scaleFactor`. */
export interface InterpolateOptions {
  /** Length of all axes but the first two, or of each. */
  size?: number | readonly number[];
  /** Factor on the length of all of them, or of each; what results is rounded down. */
  scaleFactor?: number | readonly number[];
  /** `nearest` by default; `linear` for [N, C, L], `bilinear` for [N, C, H, W]. */
  mode?: "nearest" | "linear" | "bilinear";
  /** Keep the first and the last element of each axis in place, rather than spread all evenly; not with `nearest`. */
  alignCorners?: boolean;
}

/**
 * [N, C, L] or [N, C, H, W] at another size.
 * @throws TorchError where not just one of `size` and `scaleFactor` is given, or the mode is none of such a tensor
 */
export function interpolate(self: Tensor, options: InterpolateOptions): Tensor {
  const {
    size,
    scaleFactor,
    mode = "nearest",
    alignCorners = false,
  } = optionsOf("interpolate(x, { size, scaleFactor, mode, alignCorners })", options);
  if ((size === undefined) === (scaleFactor === undefined))
    throw new TorchError("interpolate takes one of size and scaleFactor, not both and not none");
  const axes = self.ndim - 2;
  const each = (values: number | readonly number[] | undefined) =>
    typeof values === "number" ? new Array<number>(axes).fill(values) : (values ?? null);
  const [sizes, scales] = [each(size), each(scaleFactor)];
  if (mode === "nearest" && (axes === 1 || axes === 2))
    return call(`aten::upsample_nearest${axes}d.vec`, self, sizes, scales);
  if ((mode === "linear" && axes === 1) || (mode === "bilinear" && axes === 2))
    return call(`aten::upsample_${mode}${axes}d.vec`, self, sizes, alignCorners, scales);
  throw new TorchError(
    `interpolate has no mode ${mode} for a tensor of shape [${self.shape.join(", ")}]: [N, C, L] takes nearest and linear, ` +
      "[N, C, H, W] nearest and bilinear",
  );
}
