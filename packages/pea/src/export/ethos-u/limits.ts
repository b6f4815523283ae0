/**
 * What an Ethos-U leaves to the processor of what our files may hold, as tests with Vela found it. All else is placed on it, in
 * int8 and in int16.
 *
 * @module
 */
import { inferShapes, type Obstacle, type QuantizedGraph, type QuantizedNode } from "@pea/graph";
import type { TfliteOperator, TfliteTensor } from "../tflite/model.ts";
import { type Builtin, paddings } from "../tflite/schema.ts";
import { tfliteObstacles } from "../tflite/write-tflite.ts";
import type { EthosU } from "./chips.ts";
import { convSettings } from "./rewrite.ts";
import { longestStride } from "./unstride.ts";

/**
 * The nodes that are not placed, and why.
 *
 * @param graph as it is written, rewrites done
 */
export function notPlaced(graph: QuantizedGraph, chip: EthosU): Obstacle[] {
  return tfliteObstacles(graph, (operator, tensors) =>
    limits[operator.builtin]?.(new Sizes(operator, tensors), chip),
  );
}

/**
 * The nodes that Vela fails on, and with them on the whole network, instead of leaving them to the processor: convolutions of
 * long strides that it would compute one window at a time, were they not padded or grouped.
 *
 * @param graph as it is written, rewrites done
 */
export function notCompiled(graph: QuantizedGraph, chip: EthosU): Obstacle[] {
  if (isU85(chip)) return [];
  const shapes = inferShapes(graph);
  const isApart = (node: QuantizedNode): boolean => {
    const { pads = [], group = 1 } = convSettings(node, shapes) ?? {};
    return group > 1 || pads.some((pad) => pad > 0);
  };
  return tfliteObstacles(graph, (operator, tensors) => {
    const sizes = new Sizes(operator, tensors);
    return operator.builtin === "CONV_2D" && isByWindow(sizes)
      ? `Vela does not compile its strides of ${told(sizes.strides)}, above ${longestStride}, with pads or groups; make them equal in one group, or shorter`
      : undefined;
  }).filter(({ node }) => isApart(node));
}

/** Rows and columns. */
type Pair = readonly [rows: number, columns: number];

/** Sizes that limits are about. */
class Sizes {
  constructor(
    private readonly operator: TfliteOperator,
    private readonly tensors: readonly TfliteTensor[],
  ) {}

  pair(rows: string, columns: string): Pair {
    return [this.option(rows), this.option(columns)];
  }

  option(name: string): number {
    return Number(this.operator.options[name] ?? 0);
  }

  get strides(): Pair {
    return this.pair("stride_h", "stride_w");
  }

  get dilations(): Pair {
    return this.pair("dilation_h_factor", "dilation_w_factor");
  }

  get isSame(): boolean {
    return this.option("padding") === paddings.SAME;
  }

  /** Of an image [N, rows, columns, C], or of a weight [out, rows, columns, in]. */
  input(index: number): Pair {
    return this.of(this.operator.inputs[index]);
  }

  get output(): Pair {
    return this.of(this.operator.outputs[0]);
  }

  private of(place = -1): Pair {
    const [, rows = 1, columns = 1] = this.tensors[place]?.shape ?? [];
    return [rows, columns];
  }
}

/** Why an operator is left to the processor; undefined where it is placed. */
type Limit = (sizes: Sizes, chip: EthosU) => string | undefined;

const told = (pair: Pair): string => pair.map((size) => Number(size.toFixed(3))).join("×");
const product = ([rows, columns]: Pair): number => rows * columns;
const isU85 = (chip: EthosU): boolean => chip === "ethos-u85";

const isLong = ({ strides }: Sizes): boolean => strides.some((stride) => stride > longestStride);

/** Whether U55 and U65 compute a convolution one window at a time. */
const isByWindow = (sizes: Sizes): boolean =>
  isLong(sizes) && !sizes.isSame && product(sizes.dilations) === 1;

const whyNotStrided = (sizes: Sizes, chip: EthosU): string | undefined =>
  !isU85(chip) && isLong(sizes)
    ? `its strides of ${told(sizes.strides)} are above ${longestStride}`
    : undefined;

/** Rows of a pool, pixels of one, and rows and columns of averages that reach beyond the image. */
const largest = { rows: 256, pixels: 65536, average: 8 } as const;

const whyNotPooled = (sizes: Sizes, chip: EthosU, isAverage: boolean): string | undefined => {
  const window = sizes.pair("filter_height", "filter_width");
  if (window[0] > largest.rows || product(window) > largest.pixels)
    return `its window of ${told(window)} is above ${largest.rows} rows or ${largest.pixels} pixels`;
  if (!sizes.isSame) return undefined;
  if (isAverage && Math.max(...window) > largest.average)
    return `its padded window of ${told(window)} is above ${largest.average}×${largest.average}`;
  return whyNotStrided(sizes, chip);
};

/** Whether all images of a size can be made of one by doubling. */
const isPower = (factor: number): boolean => factor >= 1 && Number.isInteger(Math.log2(factor));

/**
 * By 2, 4 or 8, both axes alike, between half pixels by 2 alone; on a U85 linearly by powers of two. From the first to the last pixel
 * where corners are aligned. Of one pixel all sizes.
 */
const whyNotResized = (sizes: Sizes, chip: EthosU, isLinear: boolean): string | undefined => {
  const [from, to] = [sizes.input(0), sizes.output];
  const less = sizes.option("align_corners");
  const factors: Pair = [(to[0] - less) / (from[0] - less), (to[1] - less) / (from[1] - less)];
  if (product(from) === 1) return undefined;
  const reason = `it resizes by ${told(factors)}${less === 1 ? " from corner to corner" : ""}`;
  if (isU85(chip)) return !isLinear || factors.every(isPower) ? undefined : reason;
  const isEven = factors[0] === factors[1] && isPower(factors[0]);
  const isBetween = isLinear && sizes.option("half_pixel_centers") === 1;
  const isPlaced = isEven && (isBetween ? factors[0] === 2 : factors[0] <= 8);
  return isPlaced ? undefined : `${reason}, not by ${isBetween ? "2" : "2, 4 or 8"}`;
};

/** By the operators of a file. */
const limits: Readonly<Partial<Record<Builtin, Limit>>> = {
  CONV_2D: (sizes, chip) => (isByWindow(sizes) ? undefined : whyNotStrided(sizes, chip)),
  DEPTHWISE_CONV_2D: whyNotStrided,
  TRANSPOSE_CONV(sizes, chip) {
    const { strides } = sizes;
    const kernel = sizes.input(1);
    if (kernel.some((size, axis) => size < (strides[axis] as number)))
      return `its kernel of ${told(kernel)} is below its strides of ${told(strides)}`;
    const isPlaced = isU85(chip) || (strides[0] === strides[1] && strides[0] <= 2);
    return isPlaced ? undefined : `its strides are ${told(strides)}, not 1×1 or 2×2`;
  },
  AVERAGE_POOL_2D: (sizes, chip) => whyNotPooled(sizes, chip, true),
  MAX_POOL_2D: (sizes, chip) => whyNotPooled(sizes, chip, false),
  RESIZE_BILINEAR: (sizes, chip) => whyNotResized(sizes, chip, true),
  RESIZE_NEAREST_NEIGHBOR: (sizes, chip) => whyNotResized(sizes, chip, false),
};
