/** Operators at the limits of the Ethos-U, and on which of U55, U65 and U85 Vela 5.2 places them: the expected answers are its own. */
import type { Attributes, IntegerType, QuantizedGraph, Shape } from "@pea/graph";
import { QuantizedBuilder, scaled } from "./quantized-cases.ts";

/** `all`, `none`, or `u85` alone. */
export type PlacedOn = "all" | "none" | "u85";

export interface NpuCase {
  readonly name: string;
  readonly on: PlacedOn;
  create(): QuantizedGraph;
}

type Sizes = readonly [channels: number, rows: number, columns: number];

const builderOf = (sizes: Sizes, type: IntegerType = "int8"): QuantizedBuilder =>
  new QuantizedBuilder(["batch", ...sizes] as Shape, scaled(type === "int8" ? 0.05 : 0.0002, 0, type), 3);

const node = (
  name: string,
  on: PlacedOn,
  sizes: Sizes,
  operator: string,
  attributes: Attributes = {},
  type?: IntegerType,
): NpuCase => ({
  name,
  on,
  create() {
    const builder = builderOf(sizes, type);
    builder.node(operator, ["x"], attributes);
    return builder.graph();
  },
});

const layer = (
  name: string,
  on: PlacedOn,
  sizes: Sizes,
  operator: "Conv" | "ConvTranspose",
  weight: readonly number[],
  attributes: Attributes,
): NpuCase => ({
  name,
  on,
  create() {
    const builder = builderOf(sizes);
    builder.layer(operator, "x", weight, attributes);
    return builder.graph();
  },
});

const window = (rows: number, columns: number, strides: readonly number[] = [1, 1], pad = [0, 0]) => ({
  kernel_shape: [rows, columns],
  strides,
  pads: [...pad, ...pad],
});

const resize = (
  name: string,
  on: PlacedOn,
  size: number,
  to: readonly [number, number],
  mode: "linear" | "nearest",
  coordinates: string,
): NpuCase =>
  node(name, on, [4, size, size], "Resize", {
    sizes: to,
    axes: [2, 3],
    mode,
    coordinate_transformation_mode: coordinates,
    nearest_mode: coordinates === "half_pixel" ? "round_prefer_floor" : "floor",
  });

/** Layers that Vela compiles no network with, on U55 and U65. */
export const notCompiledCases: readonly NpuCase[] = [
  layer("padded strides of 4 and 2", "u85", [4, 32, 32], "Conv", [4, 4, 5, 5], window(5, 5, [4, 2], [2, 2])),
  layer("a padded stride of 4 in one direction", "u85", [4, 32, 32], "Conv", [4, 4, 5, 5], {
    kernel_shape: [5, 5],
    strides: [1, 4],
    pads: [0, 3, 0, 3],
  }),
  layer("a stride of 4 in two groups", "u85", [8, 32, 32], "Conv", [8, 4, 5, 5], {
    ...window(5, 5, [4, 4]),
    group: 2,
  }),
];

export const npuCases: readonly NpuCase[] = [
  node("a pool of 256 rows", "all", [8, 256, 4], "MaxPool", window(256, 1)),
  node("a pool of 257 rows", "none", [8, 257, 4], "MaxPool", window(257, 1)),
  node("a pool of 257 columns", "all", [8, 4, 257], "MaxPool", window(1, 257)),
  node("a pool of 65,536 pixels", "all", [4, 256, 256], "MaxPool", window(256, 256)),
  node("a pool of 65,792 pixels", "none", [4, 256, 257], "MaxPool", window(256, 257)),
  node("a pool of stride 4", "all", [8, 30, 30], "MaxPool", window(3, 3, [4, 4])),
  node("a padded pool of stride 4", "u85", [8, 32, 32], "MaxPool", {
    kernel_shape: [5, 5],
    strides: [4, 4],
    pads: [0, 0, 1, 1],
  }),
  node("a padded pool of 9×9", "all", [8, 30, 30], "MaxPool", window(9, 9, [1, 1], [4, 4])),
  node("a padded average of 7×7", "all", [8, 30, 30], "AveragePool", window(7, 7, [1, 1], [3, 3])),
  node("a padded average of 9×1", "none", [8, 30, 30], "AveragePool", window(9, 1, [1, 1], [4, 0])),
  node("a padded average of 1×9", "none", [8, 30, 30], "AveragePool", window(1, 9, [1, 1], [0, 4])),
  node("an average of 9×9 whose padding counts", "all", [8, 30, 30], "AveragePool", {
    ...window(9, 9, [1, 1], [4, 4]),
    count_include_pad: 1,
  }),
  node("a mean of 256×256", "all", [8, 256, 256], "GlobalAveragePool"),
  node("a mean of 257×1", "none", [8, 257, 1], "GlobalAveragePool"),
  node("a mean of 257×1 in int16", "none", [8, 257, 1], "GlobalAveragePool", {}, "int16"),
  layer("a kernel of 65×64", "all", [2, 70, 70], "Conv", [4, 2, 65, 64], window(65, 64)),
  layer("a stride of 3", "all", [4, 30, 30], "Conv", [4, 4, 3, 3], window(3, 3, [3, 3])),
  layer("a padded stride of 4 in groups", "u85", [8, 32, 32], "Conv", [8, 4, 5, 5], {
    kernel_shape: [5, 5],
    strides: [4, 4],
    pads: [0, 0, 1, 1],
    group: 2,
  }),
  layer("a stride of 4 of each channel", "u85", [8, 30, 30], "Conv", [8, 1, 3, 3], {
    ...window(3, 3, [4, 4]),
    group: 8,
  }),
  layer("strides of 4 and 2 in one group", "all", [4, 30, 30], "Conv", [4, 4, 3, 3], window(3, 3, [4, 2])),
  layer("a dilated stride of 4", "u85", [4, 30, 30], "Conv", [4, 4, 3, 3], {
    ...window(3, 3, [4, 4]),
    dilations: [2, 2],
  }),
  layer("transposed, stride 1", "all", [4, 9, 9], "ConvTranspose", [4, 4, 3, 3], window(3, 3)),
  layer("transposed, stride 2", "all", [4, 9, 9], "ConvTranspose", [4, 4, 2, 2], window(2, 2, [2, 2])),
  layer("transposed, stride 2×1", "u85", [4, 9, 9], "ConvTranspose", [4, 4, 3, 3], window(3, 3, [2, 1])),
  layer("transposed, stride 3", "u85", [4, 9, 9], "ConvTranspose", [4, 4, 3, 3], window(3, 3, [3, 3])),
  layer(
    "transposed, a kernel that leaves gaps",
    "none",
    [4, 9, 9],
    "ConvTranspose",
    [4, 4, 1, 1],
    window(1, 1, [2, 2]),
  ),
  resize("nearest, three times", "u85", 8, [24, 24], "nearest", "asymmetric"),
  resize("nearest, eight times", "all", 8, [64, 64], "nearest", "asymmetric"),
  resize("nearest, sixteen times", "u85", 8, [128, 128], "nearest", "asymmetric"),
  resize("nearest, twice and four times", "u85", 8, [16, 32], "nearest", "asymmetric"),
  resize("nearest, half pixels, four times", "all", 8, [32, 32], "nearest", "half_pixel"),
  resize("nearest, the half", "u85", 8, [4, 4], "nearest", "asymmetric"),
  resize("linear, eight times", "all", 8, [64, 64], "linear", "asymmetric"),
  resize("linear, three times", "none", 8, [24, 24], "linear", "asymmetric"),
  resize("linear, the same size", "all", 8, [8, 8], "linear", "asymmetric"),
  resize("linear, half pixels, twice", "all", 8, [16, 16], "linear", "half_pixel"),
  resize("linear, half pixels, four times", "u85", 8, [32, 32], "linear", "half_pixel"),
  resize("linear, half pixels, the same size", "u85", 8, [8, 8], "linear", "half_pixel"),
  resize("linear, half pixels, twice one way", "u85", 8, [16, 8], "linear", "half_pixel"),
  resize("linear, half pixels, the half", "none", 8, [4, 4], "linear", "half_pixel"),
  resize("linear, aligned corners, 8 to 15", "all", 8, [15, 15], "linear", "align_corners"),
  resize("linear, aligned corners, 8 to 16", "none", 8, [16, 16], "linear", "align_corners"),
  resize("linear, of one pixel", "all", 1, [7, 5], "linear", "half_pixel"),
];
