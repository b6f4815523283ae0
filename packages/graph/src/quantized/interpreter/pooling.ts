/** Pooling of each channel of [N, C, H, W]. Input and output have the same scale and zero point. */
import type { Integers } from "../quantized-graph.ts";
import type { QuantizedSite } from "../quantized-site.ts";
import type { Kernel, KernelOf } from "./kernel.ts";
import { type Window, windowsOf } from "./windows.ts";

/** Largest integer of each window, padding apart. */
export const MaxPool: KernelOf = (site) => largest(site, ...windowsOf(site, site.ints("kernel_shape")));

/** Largest integer of each channel. */
export const GlobalMaxPool: KernelOf = (site) => {
  const [, , height = 1, width = 1] = site.sizes(0);
  return largest(site, whole(height), whole(width));
};

/** Largest integer of each channel, over H and W. */
export const ReduceMax: KernelOf = (site) => {
  const axes = site.axes("axes").toSorted();
  if (site.input(0).length !== 4 || String(axes) !== "2,3")
    site.refuse("in integers it is taken over the height and the width of images");
  return GlobalMaxPool(site);
};

function largest(site: QuantizedSite, rows: Window, columns: Window): Kernel {
  const [least, greatest] = site.outputBounds();
  return pooled(site, rows, columns, (image, { rowStart, rowEnd, start, end, width }) => {
    let most = least;
    for (let y = rowStart; y < rowEnd; y += rows.dilation)
      for (let x = start; x < end; x += columns.dilation) {
        const value = image[y * width + x] as number;
        if (value > most) most = value;
      }
    return Math.min(greatest, most);
  });
}

/** Mean of the integers of each window, rounded halves away from 0; padding is the zero point where it counts. */
export const AveragePool: KernelOf = (site) => {
  const [rows, columns] = windowsOf(site, site.ints("kernel_shape"));
  return averaged(site, rows, columns, site.int("count_include_pad", 0) === 1);
};

/** Mean of each channel. */
export const GlobalAveragePool: KernelOf = (site) => {
  const [, , height = 1, width = 1] = site.sizes(0);
  return averaged(site, whole(height), whole(width), false);
};

const whole = (size: number): Window => ({ kernel: size, stride: 1, dilation: 1, before: 0, after: 0 });

function averaged(site: QuantizedSite, rows: Window, columns: Window, countsPadding: boolean): Kernel {
  const [least, greatest] = site.outputBounds();
  const zeroPoint = site.quantization(0).zeroPoints[0] as number;
  const taps = rows.kernel * columns.kernel;
  return pooled(site, rows, columns, (image, { rowStart, rowEnd, start, end, width }) => {
    let sum = 0;
    for (let y = rowStart; y < rowEnd; y++)
      for (let x = start; x < end; x++) sum += image[y * width + x] as number;
    let count = (rowEnd - rowStart) * (end - start);
    if (countsPadding) {
      sum += (taps - count) * zeroPoint;
      count = taps;
    }
    const half = Math.floor(count / 2);
    const mean = Math.trunc((sum > 0 ? sum + half : sum - half) / count);
    return Math.min(greatest, Math.max(least, mean));
  });
}

/** The part of a window that lies within an image. */
interface Inside {
  readonly rowStart: number;
  readonly rowEnd: number;
  readonly start: number;
  readonly end: number;
  readonly width: number;
}

function pooled(
  site: QuantizedSite,
  rows: Window,
  columns: Window,
  ofWindow: (image: Int8Array, inside: Inside) => number,
): Kernel {
  site.requireSameQuantization();
  const [count = 1, channels = 1, height = 1, width = 1] = site.sizes(0);
  const [, , outHeight = 1, outWidth = 1] = windowCounts(site);
  const insides = Array.from({ length: outHeight * outWidth }, (_, place): Inside => {
    const [rowStart, rowEnd] = within(rows, Math.floor(place / outWidth), height);
    const [start, end] = within(columns, place % outWidth, width);
    return { rowStart, rowEnd, start, end, width };
  });
  return ([input], [to]) => {
    const output = to as Int8Array;
    for (let plane = 0; plane < count * channels; plane++) {
      const image = (input as Integers).subarray(plane * height * width, (plane + 1) * height * width);
      for (let place = 0; place < insides.length; place++)
        output[plane * insides.length + place] = ofWindow(image as Int8Array, insides[place] as Inside);
    }
  };
}

/** Of the output; a mean's may have lost its axes of length 1. */
function windowCounts(site: QuantizedSite): readonly number[] {
  const sizes = site.outputSizes();
  return sizes.length === 4 ? sizes : [...sizes, 1, 1];
}

function within(window: Window, place: number, size: number): [start: number, end: number] {
  const { kernel, stride, dilation, before } = window;
  const origin = place * stride - before;
  const skipped = Math.max(0, Math.ceil(-origin / dilation));
  return [origin + skipped * dilation, Math.min(size, origin + (kernel - 1) * dilation + 1)];
}
