/** Windows that slide over an image. */
import type { NodeReader } from "./operator.ts";

/**
 * How many windows there are along each axis of [N, C, …]: (L + pads − dilation · (kernel − 1) − 1) / stride + 1,
 * rounded down, or with `ceil_mode` up; a window that would begin beyond the input and its padding in front is none.
 */
export function windows(node: NodeReader, kernel: readonly number[]): number[] {
  const ones = kernel.map(() => 1);
  const strides = node.ints("strides", ones);
  const dilations = node.ints("dilations", ones);
  const pads = node.ints(
    "pads",
    [...ones, ...ones].map(() => 0),
  );
  const isCeil = node.int("ceil_mode", 0) === 1;
  return kernel.map((length, axis) => {
    const size = node.size(0, axis + 2);
    const [stride = 1, dilation = 1] = [strides[axis], dilations[axis]];
    const [before = 0, after = 0] = [pads[axis], pads[axis + kernel.length]];
    const steps = (size + before + after - dilation * (length - 1) - 1) / stride;
    if (steps < 0) node.refuse(`its window of ${length} is larger than ${size} with padding`);
    if (!isCeil) return Math.floor(steps) + 1;
    const count = Math.ceil(steps) + 1;
    return (count - 1) * stride >= size + before ? count - 1 : count;
  });
}
