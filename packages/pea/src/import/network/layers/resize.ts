import { isOpen } from "@pea/graph";
import { interpolate } from "@pea/torch";
import type { Layer } from "./layer.ts";

/** Between pixel centres or corners, or element ⌊i · in / out⌋; by a scale where the file has one, else by the sizes. */
const Resize: Layer = (node) => {
  const [, , ...lengths] = node.output.map((size) => (isOpen(size) ? 0 : size));
  const [, , ...from] = node.input(0).map((size) => (isOpen(size) ? 0 : size));
  const [kind, place, nearest] = [
    node.text("mode", "nearest"),
    node.text("coordinate_transformation_mode", "half_pixel"),
    node.text("nearest_mode", "round_prefer_floor"),
  ];
  const isImages = lengths.length === 2;
  if (lengths.length < 1 || lengths.length > 2) node.refuse("it scales what is neither rows nor images");
  const { scales } = node.node.attributes as { scales?: readonly number[] };
  // A scale that makes whole numbers is the quotient of the sizes.
  const isQuotient = lengths.every(
    (length, axis) => (scales?.[axis + 2] ?? 1) * (from[axis] ?? 1) === length,
  );
  const by = scales === undefined || isQuotient ? { size: lengths } : { scaleFactor: scales.slice(2) };
  const linear = isImages ? "bilinear" : "linear";
  if (kind === "linear" && place === "align_corners")
    return (x) => interpolate(x, { size: lengths, mode: linear, alignCorners: true });
  const isCentred =
    place === "half_pixel" || (place === "pytorch_half_pixel" && lengths.every((length) => length > 1));
  if (kind === "linear" && isCentred) return (x) => interpolate(x, { ...by, mode: linear });
  if (kind === "nearest" && place === "asymmetric" && nearest === "floor")
    return (x) => interpolate(x, { ...by, mode: "nearest" });
  // The two forms of whole factors that take the same pixels.
  const isWhole = lengths.every((length, axis) => Number.isInteger(length / (from[axis] ?? 1)));
  if (kind === "nearest" && isWhole && place === "half_pixel" && nearest.startsWith("round_prefer"))
    return (x) => interpolate(x, { size: lengths, mode: "nearest" });
  return node.refuse(
    `it scales by ${kind}, ${place}, ${nearest}; known are linear with half_pixel or align_corners, and nearest with ` +
      "asymmetric and floor",
  );
};

export const resizing = { Resize };
