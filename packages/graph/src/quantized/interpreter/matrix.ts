/** Products of a matrix with a known one. */

import type { Multiplier } from "./fixed-point.ts";
import type { KernelOf } from "./kernel.ts";
import { biasOf, centred, exact, layerMultipliers, rescale, rescaleOf } from "./rescale.ts";

/** A W + bias, W transposed where `transB` is 1; rounded as a convolution of one pixel, which it is written as. */
export const Gemm: KernelOf = (site) => {
  if (site.int("transA", 0) === 1) site.refuse("in integers its first input cannot be transposed");
  if (site.node.attributes.alpha !== undefined && site.node.attributes.alpha !== 1)
    site.refuse("in integers alpha must be 1");
  if (site.node.attributes.beta !== undefined && site.node.attributes.beta !== 1)
    site.refuse("in integers beta must be 1");
  const [rows = 1, depth = 1] = site.sizes(0);
  const [, outputs = 1] = site.outputSizes();
  const weights = exact(site.known(1, "weight").data);
  const [stepOut, stepIn] = site.int("transB", 0) === 1 ? [depth, 1] : [1, outputs];
  const bias = biasOf(site, outputs);
  const multipliers = layerMultipliers(site, outputs);
  const to = rescaleOf(site);
  const numbers = new Float64Array(rows * depth);
  const sum = new Float64Array(1);
  return ([input], [output]) => {
    if (input === undefined || output === undefined) return;
    centred(input, site.quantization(0), numbers);
    for (let row = 0; row < rows; row++)
      for (let out = 0; out < outputs; out++) {
        let total = bias[out] as number;
        for (let i = 0; i < depth; i++)
          total += (numbers[row * depth + i] as number) * (weights[out * stepOut + i * stepIn] as number);
        sum[0] = total;
        rescale(sum, 1, multipliers[out] as Multiplier, to, output, row * outputs + out);
      }
  };
};
