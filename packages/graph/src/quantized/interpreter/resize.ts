/** Images of another size: [N, C, H, W]. Input and output have the same scale and zero point. */
import { roundAway } from "../quantization.ts";
import type { QuantizedSite } from "../quantized-site.ts";
import type { Kernel, KernelOf } from "./kernel.ts";

/** Where an element of the result lies in the input. */
export type Coordinates = "half_pixel" | "asymmetric" | "align_corners";

/** By the nearest pixel, or between the nearest ones, weighted in 1024ths. */
export const Resize: KernelOf = (site) => {
  site.requireSameQuantization();
  return resizeModeOf(site) === "nearest" ? nearest(site) : bilinear(site);
};

/** @throws PeaError where it resizes other axes than height and width, or in another mode */
export function resizeModeOf(site: QuantizedSite): "nearest" | "linear" {
  const mode = site.text("mode", "nearest");
  const [from, to] = [site.sizes(0), site.outputSizes()];
  if (from.length !== 4 || from[0] !== to[0] || from[1] !== to[1])
    site.refuse("in integers the height and the width of images are resized, nothing else");
  return mode === "nearest" || mode === "linear" ? mode : site.refuse(`in integers there is no mode ${mode}`);
}

/** @throws PeaError where the coordinates are others, or nearest pixels are not those that kernels in integers take */
export function coordinatesOf(site: QuantizedSite): Coordinates {
  const named = site.text("coordinate_transformation_mode", "half_pixel");
  const coordinates = named === "pytorch_half_pixel" ? "half_pixel" : named;
  if (!["half_pixel", "asymmetric", "align_corners"].includes(coordinates))
    site.refuse(`in integers there are no coordinates ${named}`);
  const isNearest = resizeModeOf(site) === "nearest";
  const rounding = site.text("nearest_mode", "round_prefer_floor");
  if (isNearest && coordinates === "asymmetric" && rounding !== "floor")
    site.refuse(`in integers nearest pixels of asymmetric coordinates are taken by floor, not ${rounding}`);
  if (isNearest && coordinates === "half_pixel" && !rounding.startsWith("round_prefer"))
    site.refuse(
      `in integers nearest pixels of half_pixel coordinates are taken by rounding, not ${rounding}`,
    );
  return coordinates as Coordinates;
}

function nearest(site: QuantizedSite): Kernel {
  const coordinates = coordinatesOf(site);
  const [count = 1, channels = 1, height = 1, width = 1] = site.sizes(0);
  const [, , outHeight = 1, outWidth = 1] = site.outputSizes();
  const rows = nearestPlaces(height, outHeight, coordinates);
  const columns = nearestPlaces(width, outWidth, coordinates);
  return ([input], [output]) => {
    const [from, to] = [input, output] as [Int8Array, Int8Array];
    let place = 0;
    for (let plane = 0; plane < count * channels; plane++)
      for (let y = 0; y < outHeight; y++) {
        const row = (plane * height + (rows[y] as number)) * width;
        for (let x = 0; x < outWidth; x++) to[place++] = from[row + (columns[x] as number)] as number;
      }
  };
}

/** In float32, as the kernels do it. */
function nearestPlaces(size: number, out: number, coordinates: Coordinates): Int32Array {
  const isAligned = coordinates === "align_corners" && out > 1;
  const scale = isAligned ? Math.fround((size - 1) / (out - 1)) : Math.fround(size / out);
  return Int32Array.from({ length: out }, (_, place) => {
    const at = Math.fround((place + (coordinates === "half_pixel" ? 0.5 : 0)) * scale);
    return Math.min(size - 1, isAligned ? Math.round(at) : Math.floor(at));
  });
}

/** A place between two pixels, in 1024ths. */
interface Between {
  readonly lower: number;
  readonly upper: number;
  readonly share: number;
}

const parts = 1024;

function bilinear(site: QuantizedSite): Kernel {
  const coordinates = coordinatesOf(site);
  const [count = 1, channels = 1, height = 1, width = 1] = site.sizes(0);
  const [, , outHeight = 1, outWidth = 1] = site.outputSizes();
  const rows = placesBetween(height, outHeight, coordinates);
  const columns = placesBetween(width, outWidth, coordinates);
  return ([input], [output]) => {
    const [from, to] = [input, output] as [Int8Array, Int8Array];
    let place = 0;
    for (let plane = 0; plane < count * channels; plane++)
      for (const row of rows) {
        const upperRow = (plane * height + row.lower) * width;
        const lowerRow = (plane * height + row.upper) * width;
        for (const { lower, upper, share } of columns) {
          const above =
            (from[upperRow + lower] as number) * (parts - share) + (from[upperRow + upper] as number) * share;
          const below =
            (from[lowerRow + lower] as number) * (parts - share) + (from[lowerRow + upper] as number) * share;
          // Of int16, 36 bits: exact as a number.
          to[place++] = roundAway((above * (parts - row.share) + below * row.share) / parts ** 2);
        }
      }
  };
}

function placesBetween(size: number, out: number, coordinates: Coordinates): Between[] {
  const [from, to] =
    coordinates === "align_corners" && out > 1 ? ([size - 1, out - 1] as const) : ([size, out] as const);
  const scale = Math.floor((parts * from + Math.floor(to / 2)) / to);
  const shift = coordinates === "half_pixel" ? Math.trunc(scale / 2) - parts / 2 : 0;
  return Array.from({ length: out }, (_, place) => {
    const at = place * scale + shift;
    const lower = Math.max(0, Math.trunc(at / parts));
    const upper = Math.min(size - 1, Math.trunc((at + parts - 1) / parts));
    return { lower, upper, share: at - parts * lower };
  });
}
