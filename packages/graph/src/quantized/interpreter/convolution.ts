/** Convolutions of [N, C, H, W]: grouped, dilated, strided and padded. */
import type { KernelOf } from "./kernel.ts";
import { addProducts, fillPatches, isPointwise, type Sliding } from "./patches.ts";
import { biasOf, centred, exact, layerMultipliers, rescale, rescaleOf } from "./rescale.ts";
import { insideOf, windowsOf } from "./windows.ts";

/** Σ weight · (input − zero point) + bias, of each window. */
export const Conv: KernelOf = (site) => {
  const [count = 1, channels = 1, height = 1, width = 1] = site.sizes(0);
  const [outputs = 1, perGroup = 1, ...kernel] = site.sizes(1);
  const [, , outHeight = 1, outWidth = 1] = site.outputSizes();
  const [rows, columns] = windowsOf(site, kernel);
  const sliding: Sliding = { height, width, rows, columns, outHeight, outWidth };
  const group = site.int("group", 1);
  const weights = exact(site.known(1, "weight").data);
  const bias = biasOf(site, outputs);
  const multipliers = layerMultipliers(site, outputs);
  const to = rescaleOf(site);
  const taps = perGroup * rows.kernel * columns.kernel;
  const windows = outHeight * outWidth;
  const isDirect = isPointwise(sliding);
  const numbers = new Float64Array(count * channels * height * width);
  const patches = isDirect ? numbers : new Float64Array(taps * windows);
  const sums = new Float64Array(windows);
  return ([input], [output]) => {
    if (input === undefined || output === undefined) return;
    centred(input, site.quantization(0), numbers);
    for (let n = 0; n < count; n++)
      for (let g = 0; g < group; g++) {
        const channel = n * channels + g * perGroup;
        if (!isDirect) fillPatches(numbers, channel, perGroup, sliding, patches);
        const start = isDirect ? channel * windows : 0;
        for (let out = (g * outputs) / group; out < ((g + 1) * outputs) / group; out++) {
          sums.fill(bias[out] as number);
          addProducts(sums, weights, out * taps, patches, start, taps, windows);
          rescale(sums, windows, multipliers[out] ?? none, to, output, (n * outputs + out) * windows);
        }
      }
  };
};

const none = { significand: 0, shift: 0 };

/** Each input element is spread over its channel's kernel: weight [C, out / group, kernel rows, kernel columns]. */
export const ConvTranspose: KernelOf = (site) => {
  const [count = 1, channels = 1, height = 1, width = 1] = site.sizes(0);
  const [, perGroup = 1, ...kernel] = site.sizes(1);
  const [, outputs = 1, outHeight = 1, outWidth = 1] = site.outputSizes();
  const [rows, columns] = windowsOf(site, kernel);
  const group = site.int("group", 1);
  const weights = exact(site.known(1, "weight").data);
  const bias = biasOf(site, outputs);
  const multipliers = layerMultipliers(site, outputs);
  const to = rescaleOf(site);
  const area = rows.kernel * columns.kernel;
  const numbers = new Float64Array(count * channels * height * width);
  const sums = new Float64Array(outHeight * outWidth);

  /** Adds one channel of the input, through one plane of the kernel. */
  const spread = (from: number, plane: number) => {
    for (let ky = 0; ky < rows.kernel; ky++)
      for (let kx = 0; kx < columns.kernel; kx++) {
        const weight = weights[plane + ky * columns.kernel + kx] as number;
        const y = ky * rows.dilation - rows.before;
        const x = kx * columns.dilation - columns.before;
        const [firstRow, endRow] = insideOf(rows.stride, y, outHeight, height);
        const [first, end] = insideOf(columns.stride, x, outWidth, width);
        for (let iy = firstRow; iy < endRow; iy++) {
          const row = (iy * rows.stride + y) * outWidth + x;
          const source = from + iy * width;
          for (let ix = first; ix < end; ix++) {
            const place = row + ix * columns.stride;
            sums[place] = (sums[place] as number) + weight * (numbers[source + ix] as number);
          }
        }
      }
  };

  return ([input], [output]) => {
    if (input === undefined || output === undefined) return;
    centred(input, site.quantization(0), numbers);
    for (let n = 0; n < count; n++)
      for (let out = 0; out < outputs; out++) {
        sums.fill(bias[out] as number);
        const g = Math.floor(out / perGroup);
        for (let c = (g * channels) / group; c < ((g + 1) * channels) / group; c++)
          spread((n * channels + c) * height * width, (c * perGroup + (out % perGroup)) * area);
        // Scales of weights lie along the outputs of one group.
        const multiplier = multipliers[multipliers.length === outputs ? out : out % perGroup] ?? none;
        rescale(sums, sums.length, multiplier, to, output, (n * outputs + out) * sums.length);
      }
  };
};
