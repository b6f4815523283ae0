import type { Tensor } from "../tensor.ts";
import { contiguous } from "./cast.ts";

/** `output` in channels_last where the images `input` are; what leaves it makes the layers that follow run in both formats. */
export function inFormatOf(input: Tensor, output: Tensor): Tensor {
  const leaves = isChannelsLast(input) && !isChannelsLast(output);
  return leaves ? contiguous(output, { memoryFormat: "channels_last" }) : output;
}

/** Whether the format is channels_last and no other. */
export function isChannelsLast(images: Tensor): boolean {
  return images.ndim === 4 && images.isContiguous("channels_last") && !images.isContiguous();
}
