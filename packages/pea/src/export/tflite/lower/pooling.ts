/** Pooling. */
import { boundsOf, type QuantizedSite, type Window, windowsOf } from "@pea/graph";
import { channelsLast } from "../../axis-order.ts";
import { paddings } from "../schema.ts";
import { fusedOf } from "./fused.ts";
import type { Lower, Lowering } from "./lowering.ts";
import { around, padded, paddingOf } from "./padding.ts";

/** Padding that is neither of the file's is the smallest integer, which no window takes. */
export const MaxPool: Lower = (site, lowering) => {
  const windows = windowsOf(site, site.ints("kernel_shape"));
  if (windows.some(({ dilation }) => dilation !== 1))
    site.refuse("dilated pooling has no form in TensorFlow Lite");
  const { type, zeroPoints } = site.quantization(0);
  const [least] = boundsOf(type);
  pool(site, lowering, "MAX_POOL_2D", windows, least === zeroPoints[0] ? undefined : least);
};

/** Padding that counts is zeros before a pool without. */
export const AveragePool: Lower = (site, lowering) => {
  const windows = windowsOf(site, site.ints("kernel_shape"));
  const isPadded = windows.some(({ before, after }) => before > 0 || after > 0);
  if (isPadded && site.int("count_include_pad", 0) === 1) {
    poolPadded(site, lowering, "AVERAGE_POOL_2D", windows);
    return;
  }
  if (paddingIn(site, windows) === undefined)
    site.refuse(
      "averages whose padding does not count have a form in TensorFlow Lite only where it is as SAME has it",
    );
  pool(site, lowering, "AVERAGE_POOL_2D", windows);
};

/** One window, of the whole image: MEAN rounds otherwise in each runtime. */
export const GlobalAveragePool: Lower = (site, lowering) => poolWhole(site, lowering, "AVERAGE_POOL_2D");

export const GlobalMaxPool: Lower = (site, lowering) => poolWhole(site, lowering, "MAX_POOL_2D");

type PoolBuiltin = "MAX_POOL_2D" | "AVERAGE_POOL_2D";

function poolWhole(site: QuantizedSite, lowering: Lowering, builtin: PoolBuiltin): void {
  const [count = 1, channels = 1, height = 1, width = 1] = site.sizes(0);
  const sizes = site.outputSizes();
  const input = lowering.read(site.node.inputs[0] as string);
  const output = lowering.write(site.node.outputs[0] as string);
  const result = sizes.length === 4 ? output : lowering.between(output, [count, 1, 1, channels], "pooled");
  lowering.emit(builtin, [input], [result], {
    padding: paddings.VALID,
    stride_w: 1,
    stride_h: 1,
    filter_width: width,
    filter_height: height,
    fused_activation_function: fusedOf(site),
  });
  if (result !== output) lowering.reshape(result, sizes, output);
}

function paddingIn(site: QuantizedSite, windows: readonly [Window, Window]): number | undefined {
  const [, , height = 1, width = 1] = site.sizes(0);
  const [, , outHeight = 1, outWidth = 1] = site.outputSizes();
  return paddingOf(windows, [height, width], [outHeight, outWidth]);
}

function pool(
  site: QuantizedSite,
  lowering: Lowering,
  builtin: PoolBuiltin,
  windows: readonly [Window, Window],
  filling?: number,
): void {
  const padding = paddingIn(site, windows);
  if (padding === undefined) poolPadded(site, lowering, builtin, windows, filling);
  else emitPool(site, lowering, builtin, windows, padding, lowering.read(site.node.inputs[0] as string));
}

function poolPadded(
  site: QuantizedSite,
  lowering: Lowering,
  builtin: PoolBuiltin,
  windows: readonly [Window, Window],
  filling?: number,
): void {
  const [, , height = 1, width = 1] = site.sizes(0);
  const [, , outHeight = 1, outWidth = 1] = site.outputSizes();
  const pads = [around(windows[0], height, outHeight), around(windows[1], width, outWidth)] as const;
  const image = padded(lowering, lowering.read(site.node.inputs[0] as string), pads, filling);
  emitPool(site, lowering, builtin, windows, paddings.VALID, image);
}

function emitPool(
  site: QuantizedSite,
  lowering: Lowering,
  builtin: PoolBuiltin,
  [rows, columns]: readonly [Window, Window],
  padding: number,
  image: number,
): void {
  lowering.emit(builtin, [image], [lowering.write(site.node.outputs[0] as string, channelsLast(4))], {
    padding,
    stride_w: columns.stride,
    stride_h: rows.stride,
    filter_width: columns.kernel,
    filter_height: rows.kernel,
    fused_activation_function: fusedOf(site),
  });
}
