/** Statistics that are agreed on, not computed. */
import type { PixelStatistics } from "./pixel-statistics.ts";

/** Of ImageNet, for images in RGB (spec recipes 1.5). */
export const imagenetStatistics: PixelStatistics = {
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

/** Of images that are scaled to [0, 1] and else left as they are (spec recipes 3.5). */
export const unitStatistics: PixelStatistics = { mean: [0, 0, 0], std: [1, 1, 1] };
