/**
 * Images of another size.
 * @module
 */
import { call } from "../call.ts";
import type { Tensor } from "../tensor.ts";

/** [N, C, H, W] at another size, bilinear between pixel centres (half-pixel; `align_corners = false`), no antialiasing. */
export function upsampleBilinear2d(self: Tensor, size: readonly [height: number, width: number]): Tensor {
  return call("aten::upsample_bilinear2d", self, size, false);
}

/** [N, C, H, W] at another size: element ⌊i · H / height⌋ of each axis. */
export function upsampleNearest2d(self: Tensor, size: readonly [height: number, width: number]): Tensor {
  return call("aten::upsample_nearest2d", self, size);
}
