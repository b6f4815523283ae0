/** Known tensors brought to mean 0 and variance 1: weights that a network standardizes before it uses them. */
import { elementsOf } from "@pea/graph";
import type { KnownTensor } from "../known-tensor.ts";
import { fixed } from "../length.ts";
import { type Folder, made } from "./folder.ts";

/** Along axis 1, by the mean and variance that it reads, or in training mode by those of the elements themselves. */
const BatchNormalization: Folder = (node, [x, scale, bias, mean, variance]) => {
  const [, channels = 1] = x.shape;
  const inner = elementsOf(x.shape.slice(2));
  const values = numbersOf(x);
  const isOwn = node.number("training_mode") === 1;
  const given = [scale, bias, ...(isOwn ? [] : [mean, variance])].map((each) => each && numbersOf(each));
  if (given.some((each) => each?.length !== channels))
    node.refuse(`its numbers are not one for each of ${channels} channels`);
  const [factors = [], shifts = [], means, variances] = given;
  const channelOf = (i: number): number => Math.floor(i / inner) % channels;
  const averaged = (of: (value: number, channel: number) => number): Float64Array => {
    const sums = new Float64Array(channels);
    values.forEach((value, i) => {
      const channel = channelOf(i);
      sums[channel] = (sums[channel] as number) + of(value, channel);
    });
    return sums.map((sum) => (sum * channels) / values.length);
  };
  const centres = means ?? averaged((value) => value);
  const spreads = variances ?? averaged((value, channel) => (value - (centres[channel] as number)) ** 2);
  const epsilon = node.number("epsilon") ?? 1e-5;
  const result = values.map((value, i) => {
    const channel = channelOf(i);
    const standard =
      (value - (centres[channel] as number)) / Math.sqrt((spreads[channel] as number) + epsilon);
    return standard * (factors[channel] as number) + (shifts[channel] as number);
  });
  return [made("float", x.shape, result)];
};

const numbersOf = ({ values }: KnownTensor): Float32Array =>
  values instanceof Float32Array ? values : Float32Array.from(values.map(fixed));

export const normalization: Readonly<Record<string, Folder>> = { BatchNormalization };
