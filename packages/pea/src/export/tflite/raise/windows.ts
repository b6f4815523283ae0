/** Operators whose windows lie on images: layers and pooling. */
import type { Attributes, Quantization } from "@pea/graph";
import type { AxisOrder } from "../../axis-order.ts";
import { paddings } from "../schema.ts";
import type { FileSite, Raise } from "./raising.ts";

/** Weights [out, rows, columns, in / groups]. */
export const CONV_2D: Raise = (site) => {
  const [, , , channels = 1] = site.input(0).shape;
  const [, rows = 1, columns = 1, perGroup = 1] = site.input(1).shape;
  const group = channels / perGroup;
  layer(site, "Conv", {
    inputs: [0, 1, 2],
    order: [0, 3, 1, 2],
    attributes: { ...windows(site, [rows, columns], dilations(site)), group },
  });
};

/** Weights [1, rows, columns, out]. */
export const DEPTHWISE_CONV_2D: Raise = (site) => {
  const [, , , channels = 1] = site.input(0).shape;
  const [, rows = 1, columns = 1, outputs = 1] = site.input(1).shape;
  if (site.option("depth_multiplier") !== outputs / channels)
    site.refuse(`its multiplier is not that of ${outputs} outputs of ${channels} channels`);
  layer(site, "Conv", {
    inputs: [0, 1, 2],
    order: [3, 0, 1, 2],
    attributes: { ...windows(site, [rows, columns], dilations(site)), group: channels },
  });
};

/** Weights [out, rows, columns, in]; SAME cuts as much off both sides, or one less off the first. */
export const TRANSPOSE_CONV: Raise = (site) => {
  const [, ...kernel] = site.input(1).shape.slice(0, 3);
  const strides = [site.option("stride_h"), site.option("stride_w")];
  const cuts = [0, 1].map((axis) => {
    const [size, out] = [site.input(2), site.output].map(({ shape }) => shape[axis + 1] as number);
    return ((size as number) - 1) * (strides[axis] as number) + (kernel[axis] as number) - (out as number);
  });
  if (site.option("padding") === paddings.VALID && cuts.some((cut) => cut > 0))
    site.refuse(`its windows compute ${cuts.join(" and ")} more than there are`);
  const before = cuts.map((cut) => Math.max(0, Math.floor(cut / 2)));
  layer(site, "ConvTranspose", {
    inputs: [2, 1, 3],
    order: [3, 0, 1, 2],
    attributes: {
      kernel_shape: kernel,
      strides,
      pads: [...before, ...cuts.map((cut, axis) => Math.max(0, cut) - (before[axis] as number))],
      output_padding: cuts.map((cut) => Math.max(0, -cut)),
    },
  });
};

const dilations = (site: FileSite) => [site.option("dilation_h_factor"), site.option("dilation_w_factor")];

const pooling =
  (operator: "AveragePool" | "MaxPool"): Raise =>
  (site) => {
    const kernel = [site.option("filter_height"), site.option("filter_width")];
    site.emit(operator, [site.value(0)], windows(site, kernel), { fused: site.fused });
  };

export const AVERAGE_POOL_2D = pooling("AveragePool");
export const MAX_POOL_2D = pooling("MaxPool");

/** VALID windows lie within the image; SAME ones begin at each stride, and stand out as far before as after, or one less. */
function windows(site: FileSite, kernel: readonly number[], dilations?: readonly number[]): Attributes {
  const strides = [site.option("stride_h"), site.option("stride_w")];
  const missing = [0, 1].map((axis) => {
    const [size, out] = [site.input(0), site.output].map(({ shape }) => shape[axis + 1] as number);
    const span = (dilations?.[axis] ?? 1) * ((kernel[axis] as number) - 1) + 1;
    const reach = ((out as number) - 1) * (strides[axis] as number) + span;
    return site.option("padding") === paddings.SAME ? Math.max(0, reach - (size as number)) : 0;
  });
  const before = missing.map((size) => Math.floor(size / 2));
  const after = missing.map((size) => Math.ceil(size / 2));
  return { kernel_shape: kernel, strides, pads: [...before, ...after], ...(dilations && { dilations }) };
}

/** Places of input, weight and bias; the order of the weight's axes in the graph. */
interface LayerForm {
  readonly inputs: readonly [number, number, number];
  readonly order: AxisOrder;
  readonly attributes: Attributes;
}

function layer(
  site: FileSite,
  operator: "Conv" | "ConvTranspose",
  { inputs: [input, weight, bias], order, attributes }: LayerForm,
): void {
  requireBias(site, site.quantization(input), site.quantization(weight), site.quantization(bias));
  const names = [site.value(input), site.value(weight, order), site.value(bias)];
  const { axis, ...own } = site.quantization(weight);
  // The axis of the outputs.
  const along = operator === "Conv" ? 0 : 1;
  if (axis !== undefined && order.indexOf(axis) !== along)
    site.refuse(`its weights have scales along axis ${axis}, which is not that of its outputs`);
  if (axis !== undefined) site.raising.quantizations.set(names[1] as string, { ...own, axis: along });
  site.emit(operator, names, attributes, { fused: site.fused });
}

/** Its steps are those of the sums: of the input times the weight. */
function requireBias(site: FileSite, input: Quantization, weight: Quantization, bias: Quantization): void {
  const [sx = 0] = input.scales;
  const type = input.type === "int16" ? "int64" : "int32";
  const isOfSums =
    bias.type === type &&
    bias.scales.length === weight.scales.length &&
    bias.scales.every((scale, place) => scale === Math.fround(sx * (weight.scales[place] as number)));
  if (!isOfSums) site.refuse(`its bias is no ${type} of the scale of its input times that of its weight`);
}
