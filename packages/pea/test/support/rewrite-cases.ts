/** Layers that cost an NPU much as they are. */
import { QuantizedBuilder, scaled } from "./quantized-cases.ts";
import { type QuantizedRun, runOf } from "./quantized-runs.ts";

const layer = (
  name: string,
  shape: readonly [channels: number, height: number, width: number],
  weight: readonly number[],
  attributes: Readonly<Record<string, number | readonly number[]>>,
  seed: number,
): QuantizedRun => {
  const builder = new QuantizedBuilder(["batch", ...shape], scaled(0.05, -9), seed);
  builder.layer("Conv", "x", weight, attributes, { fused: "relu" });
  return runOf(name, builder.graph(), 2, seed);
};

/** Dilated along one axis. */
export const dilatedRuns: readonly QuantizedRun[] = [
  layer("3×1 dilated by 4", [6, 16, 9], [6, 6, 3, 1], { dilations: [4, 1], pads: [4, 0, 4, 0] }, 1),
  layer(
    "3×1 dilated by 16, of 16 rows",
    [4, 16, 5],
    [4, 4, 3, 1],
    { dilations: [16, 1], pads: [16, 0, 16, 0] },
    2,
  ),
  layer("1×3 dilated by 8", [6, 5, 24], [8, 6, 1, 3], { dilations: [1, 8], pads: [0, 8, 0, 8] }, 3),
  layer(
    "5×1 dilated by 3, padded before more than after",
    [3, 12, 4],
    [3, 3, 5, 1],
    { dilations: [3, 1], pads: [9, 0, 3, 0] },
    4,
  ),
  layer(
    "1×3 dilated by 4, of each channel by itself",
    [6, 4, 8],
    [6, 1, 1, 3],
    { dilations: [1, 4], pads: [0, 4, 0, 4], group: 6 },
    5,
  ),
];

/** Of strides above 3. */
export const stridedRuns: readonly QuantizedRun[] = [
  layer(
    "11×11 of stride 4, padded by 2",
    [3, 32, 40],
    [8, 3, 11, 11],
    { strides: [4, 4], pads: [2, 2, 2, 2] },
    6,
  ),
  layer("4×4 of stride 4", [3, 16, 16], [8, 3, 4, 4], { strides: [4, 4] }, 7),
  layer(
    "7×5 of stride 5, padded on one side",
    [2, 23, 21],
    [4, 2, 7, 5],
    { strides: [5, 5], pads: [3, 0, 0, 1] },
    8,
  ),
];
