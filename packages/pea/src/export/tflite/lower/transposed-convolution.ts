/** Transposed convolutions. */
import { boundsOf, type QuantizedSite, type Window, windowsOf } from "@pea/graph";
import { paddings } from "../schema.ts";
import { addBias, addWeight } from "./convolution.ts";
import { fusedOf } from "./fused.ts";
import type { Lower } from "./lowering.ts";

/**
 * Weights [C, out, rows, columns] become [out, rows, columns, C]. The file's SAME cuts as much off both sides, or one less
 * off the first; where the graph cuts otherwise (3×3 of stride 2, padded by 1, is the usual case), all is computed, and what is
 * wanted is sliced out.
 */
export const ConvTranspose: Lower = (site, lowering) => {
  const [input = "", weight = ""] = site.node.inputs;
  const [, , height = 1, width = 1] = site.sizes(0);
  const [, outputs = 1, ...kernel] = site.sizes(1);
  const [count = 1, , outHeight = 1, outWidth = 1] = site.outputSizes();
  const windows = windowsOf(site, kernel);
  const [rows, columns] = windows;
  if (site.int("group", 1) !== 1)
    site.refuse("a transposed convolution of several groups has no form in TensorFlow Lite");
  if (rows.dilation !== 1 || columns.dilation !== 1)
    site.refuse("a dilated transposed convolution has no form in TensorFlow Lite");
  const whole = [fullSize(rows, height), fullSize(columns, width)] as const;
  requireWithin(site, rows, outHeight, whole[0]);
  requireWithin(site, columns, outWidth, whole[1]);
  const isAll = whole[0] === outHeight && whole[1] === outWidth && rows.before === 0 && columns.before === 0;
  const isSame = isSamePadding(rows, height, outHeight) && isSamePadding(columns, width, outWidth);
  const image = lowering.read(input);
  const output = lowering.write(site.node.outputs[0] as string);
  const shape = isAll || isSame ? [count, outHeight, outWidth, outputs] : [count, ...whole, outputs];
  const result = isAll || isSame ? output : lowering.between(output, shape, "whole");
  lowering.emit(
    "TRANSPOSE_CONV",
    [
      lowering.setting("shape", shape),
      addWeight(lowering, site, weight, [1, 2, 3, 0], 1),
      image,
      addBias(lowering, site, outputs),
    ],
    [result],
    {
      padding: isSame && !isAll ? paddings.SAME : paddings.VALID,
      stride_w: columns.stride,
      stride_h: rows.stride,
      fused_activation_function: clampsByItself(site) ? 0 : fusedOf(site),
    },
  );
  if (result !== output)
    lowering.emit(
      "SLICE",
      [
        result,
        lowering.setting("begin", [0, rows.before, columns.before, 0]),
        lowering.setting("size", [count, outHeight, outWidth, outputs]),
      ],
      [output],
    );
};

/** Of all that windows of a transposed convolution reach. */
const fullSize = ({ stride, kernel }: Window, size: number): number => (size - 1) * stride + kernel;

function isSamePadding(window: Window, size: number, out: number): boolean {
  const cut = Math.max(0, fullSize(window, size) - out);
  return out === size * window.stride && window.before === Math.floor(cut / 2);
}

function requireWithin(site: QuantizedSite, { before }: Window, out: number, whole: number): void {
  if (before + out > whole)
    site.refuse(
      `its output padding reaches beyond its windows (${before + out} of ${whole}), which has no form in TensorFlow Lite`,
    );
}

/** Whether integers outside the activation's range do not exist, so that nothing need be clamped: the operator of a lower version does. */
function clampsByItself(site: QuantizedSite): boolean {
  return String(site.outputBounds()) === String(boundsOf(site.outputQuantization().type));
}
