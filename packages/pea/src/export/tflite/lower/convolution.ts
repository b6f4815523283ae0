/** Convolutions, and those of each channel by itself. */
import { type Quantization, type QuantizedSite, windowsOf } from "@pea/graph";
import { turned } from "../../axis-order.ts";
import { paddings } from "../schema.ts";
import { fusedOf } from "./fused.ts";
import type { Lower, Lowering } from "./lowering.ts";
import { around, padded, paddingOf } from "./padding.ts";

/** Weights [out, C / group, …] become [out, rows, columns, C / group], or [1, rows, columns, out] where a group is one channel. */
export const Conv: Lower = (site, lowering) => {
  const [input = "", weightName = ""] = site.node.inputs;
  const [, channels = 1, height = 1, width = 1] = site.sizes(0);
  const [outputs = 1, perGroup = 1, ...kernel] = site.sizes(1);
  const [, , outHeight = 1, outWidth = 1] = site.outputSizes();
  const windows = windowsOf(site, kernel);
  const [rows, columns] = windows;
  const known = paddingOf(windows, [height, width], [outHeight, outWidth]);
  const image = lowering.read(input);
  const source =
    known === undefined
      ? padded(lowering, image, [around(rows, height, outHeight), around(columns, width, outWidth)])
      : image;
  const isDepthwise = perGroup === 1 && channels > 1;
  const order = isDepthwise ? [1, 2, 3, 0] : [0, 2, 3, 1];
  const weight = addWeight(lowering, site, weightName, order, 0);
  lowering.emit(
    isDepthwise ? "DEPTHWISE_CONV_2D" : "CONV_2D",
    [source, weight, addBias(lowering, site, outputs)],
    [lowering.write(site.node.outputs[0] as string)],
    {
      padding: known ?? paddings.VALID,
      stride_w: columns.stride,
      stride_h: rows.stride,
      ...(isDepthwise && { depth_multiplier: outputs / channels }),
      fused_activation_function: fusedOf(site),
      dilation_w_factor: columns.dilation,
      dilation_h_factor: rows.dilation,
    },
  );
};

/** A weight with its axes in another order; the outputs lie along axis `along` in the graph. */
export function addWeight(
  lowering: Lowering,
  site: QuantizedSite,
  name: string,
  order: readonly number[],
  along: number,
): number {
  const { shape, data } = site.known(1, "weight");
  const quantization = site.quantization(1);
  const axis = quantization.scales.length === 1 ? 0 : order.indexOf(along);
  return lowering.add({
    name,
    shape: order.map((place) => shape[place] as number),
    type: quantization.type,
    quantization: { ...quantization, axis },
    data: turned(data, shape, order),
  });
}

/** A layer's bias; zeros where it has none, since the kernels of 16 bits want one. */
export function addBias(lowering: Lowering, site: QuantizedSite, outputs: number): number {
  const name = site.node.inputs[2] ?? "";
  const type = site.quantization(0).type === "int16" ? "int64" : "int32";
  const constant = name === "" ? undefined : site.known(2, "bias");
  const data =
    type === "int64"
      ? BigInt64Array.from(constant?.data ?? new Int32Array(outputs), BigInt)
      : Int32Array.from(constant?.data ?? new Int32Array(outputs), Number);
  return lowering.add({
    name: name === "" ? `${site.node.outputs[0]}/bias` : name,
    shape: [outputs],
    type,
    quantization: biasQuantization(site, type),
    data,
  });
}

/** Scale of the input times that of the weight. */
function biasQuantization(site: QuantizedSite, type: "int32" | "int64"): Quantization {
  const input = site.quantization(0).scales[0] as number;
  const scales = site.quantization(1).scales.map((scale) => input * scale);
  return { type, scales, zeroPoints: new Int32Array(scales.length), axis: 0 };
}
