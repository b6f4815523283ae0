import type { Attributes } from "@pea/graph";
import type { AtenCall } from "../aten-call.ts";
import type { Converter } from "./converter.ts";

/** Nearest: element ⌊i · in / out⌋. */
const nearest = { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" };

export const resize: Record<string, Converter> = {
  "aten::upsample_nearest1d": (op) => enlarge(op, nearest),
  "aten::upsample_nearest2d": (op) => enlarge(op, nearest),
  "aten::upsample_linear1d": (op) => enlarge(op, linear(op)),
  "aten::upsample_bilinear2d": (op) => enlarge(op, linear(op)),
};

function linear(op: AtenCall): Attributes {
  const place = op.flag("align_corners") ? "align_corners" : "half_pixel";
  return { mode: "linear", coordinate_transformation_mode: place };
}

function enlarge(op: AtenCall, attributes: Attributes): string {
  const input = op.tensor(op.isTensor("self") ? "self" : "input");
  const sizes = (op.recorded[0] as number[]).slice(2);
  const from = op.shape(input).slice(2).map(Number);
  const scales = givenScales(op);
  const isWhole = scales.every((scale, axis) => (from[axis] as number) * scale === sizes[axis]);
  // Corners are kept whatever the scale.
  if (isWhole || attributes.coordinate_transformation_mode === "align_corners")
    return op.node("Resize", [input], { ...attributes, axes: sizes.map((_, axis) => axis + 2), sizes });
  // Where the size stays, libtorch's bilinear scaling and runtimes copy, whatever the scale.
  const written = scales.map((scale, axis) => (from[axis] === sizes[axis] ? 1 : scale));
  if (attributes.mode === "nearest" && !takesSamePixels({ scales, written }, from, sizes))
    op.refuse(
      `at its scale ${scales.join("×")} of ${from.join("×")} runtimes round to other pixels; give the size in place of it`,
    );
  return op.node("Resize", [input], { ...attributes, scales: [1, 1, ...written] });
}

/** Scales that libtorch goes by in place of the quotient of the sizes. */
function givenScales(op: AtenCall): number[] {
  if (op.isGiven("scale_factors")) return op.numbers("scale_factors");
  if (op.isGiven("scales")) return [op.number("scales")];
  return op.isGiven("scales_h") ? [op.number("scales_h"), op.number("scales_w")] : [];
}

/**
 * Whether ⌊i · (1 / scale)⌋, as libtorch computes in float32, is ⌊i / written⌋, as runtimes do. Where the size doubles,
 * libtorch 2 takes ⌊i / 2⌋ whatever the scale, and libtorch 1.13 one or the other by the number of images.
 */
function takesSamePixels(
  { scales, written }: Record<"scales" | "written", readonly number[]>,
  from: readonly number[],
  to: readonly number[],
): boolean {
  return scales.every((scale, axis) => {
    const [step, divisor] = [Math.fround(1 / scale), Math.fround(written[axis] as number)];
    const isDoubled = to[axis] === 2 * (from[axis] as number);
    return Array.from({ length: to[axis] as number }, (_, i) => i).every((i) => {
      const pixel = Math.floor(Math.fround(i / divisor));
      return Math.floor(Math.fround(i * step)) === pixel && (!isDoubled || i >> 1 === pixel);
    });
  });
}
