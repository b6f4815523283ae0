import { upsampleBilinear2d, upsampleNearest2d } from "@pea/torch";
import type { Layer } from "./layer.ts";

/** Bilinear between pixel centres, or element ⌊i · in / out⌋. */
const Resize: Layer = (node) => {
  const size = node.output.slice(2).map((length) => node.fixed(length)) as [number, number];
  if (node.output.length !== 4) node.refuse("it scales what is no image");
  const form = [
    node.text("mode", "nearest"),
    node.text("coordinate_transformation_mode", "half_pixel"),
    node.text("nearest_mode", "round_prefer_floor"),
  ];
  const [mode, place, nearest] = form;
  const isCentred =
    place === "half_pixel" || (place === "pytorch_half_pixel" && size.every((length) => length > 1));
  if (mode === "linear" && isCentred) return (x) => upsampleBilinear2d(x, size);
  if (mode === "nearest" && place === "asymmetric" && nearest === "floor")
    return (x) => upsampleNearest2d(x, size);
  return node.refuse(
    `it scales by ${form.join(", ")}; known are linear, half_pixel and nearest, asymmetric, floor`,
  );
};

export const resizing = { Resize };
