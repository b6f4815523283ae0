/** Images of another size. */

import type { FileNode } from "../file-node.ts";
import { sizeOf } from "../length.ts";
import type { Converter } from "./converter.ts";

/** From opset 11 on scales and sizes are the third and fourth input; at 10 scales are the second. */
const Resize: Converter = (node) => {
  const isOld = node.inputCount === 2;
  const scales = knownNumbers(node, isOld ? 1 : 2);
  const sizes = isOld ? undefined : knownNumbers(node, 3);
  resized(node, {
    scales,
    sizes,
    mode: node.text("mode") ?? "nearest",
    coordinates: node.text("coordinate_transformation_mode") ?? (isOld ? "asymmetric" : "half_pixel"),
    nearest: node.text("nearest_mode") ?? (isOld ? "floor" : "round_prefer_floor"),
  });
};

/** Up to opset 9. */
const Upsample: Converter = (node) =>
  resized(node, {
    scales: node.floats("scales") ?? knownNumbers(node, 1),
    sizes: undefined,
    mode: node.text("mode") ?? "nearest",
    coordinates: "asymmetric",
    nearest: "floor",
  });

const coordinatesFollowed = new Set(["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"]);

interface Wanted {
  readonly scales: readonly unknown[] | undefined;
  readonly sizes: readonly unknown[] | undefined;
  readonly mode: string;
  readonly coordinates: string;
  readonly nearest: string;
}

function resized(node: FileNode, { scales, sizes, mode, coordinates, nearest }: Wanted) {
  const from = node.shape(0);
  if (mode !== "nearest" && mode !== "linear")
    node.refuse(`its mode is ${mode}: bilinear and nearest scaling are followed`);
  if (!coordinatesFollowed.has(coordinates))
    node.refuse(`it places pixels by ${coordinates}, which is not followed`);
  const axes = node.integers("axes")?.map((axis) => node.axis(axis)) ?? [...from.keys()];
  if (node.text("keep_aspect_ratio_policy") && node.text("keep_aspect_ratio_policy") !== "stretch")
    node.refuse("it keeps the image's proportions, which is not followed");
  if (node.number("antialias") === 1)
    node.refuse(
      "it scales with antialiasing, which is not followed: export it without, or scale the images before",
    );
  const attributes = {
    mode,
    coordinate_transformation_mode: coordinates,
    ...(mode === "nearest" && { nearest_mode: nearest }),
  };
  if (scales !== undefined) {
    const all = from.map((_, axis) => Number(scales[axes.indexOf(axis)] ?? 1));
    if (all.some((scale) => !(scale > 0))) node.refuse(`its scales are ${scales.join(", ")}`);
    return node.result("Resize", [node.input(0)], { ...attributes, scales: all });
  }
  if (sizes === undefined) return node.refuse("its size is not known");
  if (sizes.length !== axes.length) node.refuse(`it has ${sizes.length} sizes for ${axes.length} axes`);
  const changed = axes.filter((axis, i) => sizeOf(sizes[i] as number) !== from[axis]);
  const wanted = changed.map((axis) => Number(sizes[axes.indexOf(axis)]));
  if (wanted.some((size) => !(size >= 1))) node.refuse("its size is not known");
  if (changed.length === 0) return node.same(node.nameOf(0));
  node.result("Resize", [node.input(0)], { ...attributes, axes: changed, sizes: wanted });
}

/** Numbers of an input; undefined where it is left out or empty. */
function knownNumbers(node: FileNode, place: number): readonly unknown[] | undefined {
  if (!node.has(place)) return undefined;
  const known =
    node.known(place) ?? node.refuse("its size is computed from the image: give the image a fixed size");
  return known.values.length > 0 ? Array.from(known.values as ArrayLike<unknown>) : undefined;
}

export const resizing: Readonly<Record<string, Converter>> = { Resize, Upsample };
