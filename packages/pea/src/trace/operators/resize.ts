import type { Attributes } from "@pea/graph";
import type { AtenCall } from "../aten-call.ts";
import type { Converter } from "./converter.ts";

/** Nearest: element ⌊i · in / out⌋. */
const nearest = { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" };

export const resize: Record<string, Converter> = {
  "aten::upsample_nearest2d": (op) => enlarge(op, op.tensor("self"), nearest),
  "aten::upsample_nearest2d.vec": (op) => enlarge(op, op.tensor("input"), nearest),
  "aten::upsample_bilinear2d": (op) => enlarge(op, op.tensor("self"), bilinear(op)),
  "aten::upsample_bilinear2d.vec": (op) => enlarge(op, op.tensor("input"), bilinear(op)),
};

function bilinear(op: AtenCall): Attributes {
  const place = op.flag("align_corners") ? "align_corners" : "half_pixel";
  return { mode: "linear", coordinate_transformation_mode: place };
}

function enlarge(op: AtenCall, input: string, attributes: Attributes): string {
  const sizes = op.recorded[0]?.slice(2) as number[];
  const from = op.shape(input).slice(2).map(Number);
  for (const [axis, scale] of givenScales(op).entries())
    if ((from[axis] as number) * scale !== sizes[axis])
      op.refuse(`its scale ${scale} does not make whole numbers of ${from.join("×")}`);
  return op.node("Resize", [input], { ...attributes, axes: [2, 3], sizes });
}

/** Scales that libtorch goes by in place of the quotient of the sizes. */
function givenScales(op: AtenCall): number[] {
  if (op.isGiven("scale_factors")) return op.numbers("scale_factors");
  return op.isGiven("scales_h") ? [op.number("scales_h"), op.number("scales_w")] : [];
}
