/** Element by element, and images of another size. */
import type { Attributes } from "@pea/graph";
import type { FileSite, Raise } from "./raising.ts";

/** Axes of two tensors of one rank lie in one order. */
const binary =
  (operator: string): Raise =>
  (site) => {
    const ranks = [site.input(0), site.input(1), site.output].map(({ shape }) => shape.length);
    if (new Set(ranks).size > 1) site.refuse(`it is of tensors of ${ranks.join(", ")} axes`);
    site.emit(operator, site.values, {}, { fused: site.fused });
  };

export const ADD = binary("Add");
export const SUB = binary("Sub");
export const MUL = binary("Mul");

const unary =
  (operator: string, attributes: (site: FileSite) => Attributes = () => ({})): Raise =>
  (site) =>
    site.emit(operator, [site.value(0)], attributes(site));

export const RELU = unary("Relu");
export const RELU6 = unary("Clip", () => ({ min: 0, max: 6 }));
export const LEAKY_RELU = unary("LeakyRelu", (site) => ({ alpha: site.option("alpha") }));
export const LOGISTIC = unary("Sigmoid");

const resized = (mode: "nearest" | "linear") =>
  unary("Resize", (site) => ({
    mode,
    axes: [2, 3],
    sizes: site.setting(1),
    coordinate_transformation_mode:
      site.option("align_corners") === 1
        ? "align_corners"
        : site.option("half_pixel_centers") === 1
          ? "half_pixel"
          : "asymmetric",
    nearest_mode: site.option("half_pixel_centers") === 1 ? "round_prefer_floor" : "floor",
  }));

export const RESIZE_BILINEAR = resized("linear");
export const RESIZE_NEAREST_NEIGHBOR = resized("nearest");
