import {
  adaptiveAvgPool2d,
  amax,
  avgPool1d,
  avgPool2d,
  MaxPool1d,
  MaxPool2d,
  mean,
  pad,
  sum,
  type Tensor,
} from "@pea/torch";
import { padding } from "./convolution.ts";
import { type Layer, type LayerNode, pair } from "./layer.ts";

const MaxPool: Layer = (node) => {
  const { kernel, stride, around, before, ceilMode } = windowsOf(node);
  const dilation = node.ints(
    "dilations",
    kernel.map(() => 1),
  );
  // The layer, not the operator: it may have a kernel of its own.
  const pool =
    kernel.length === 1
      ? new MaxPool1d(first(kernel), {
          stride: first(stride),
          padding: first(around),
          dilation: first(dilation),
          ceilMode,
        })
      : new MaxPool2d(pair(kernel), {
          stride: pair(stride),
          padding: pair(around),
          dilation: pair(dilation),
          ceilMode,
        });
  return (x) => pool.forward(before === null ? x : pad(x, before, { value: -Infinity }));
};

const AveragePool: Layer = (node) => {
  const { kernel, stride, around, before, ceilMode } = windowsOf(node);
  const countIncludePad = node.int("count_include_pad", 0) === 1;
  if (before !== null && (!countIncludePad || ceilMode))
    node.refuse("its pads differ between the two sides of an axis, and its mean does not count them all");
  const common = { ceilMode, countIncludePad };
  const apply = (x: Tensor): Tensor =>
    kernel.length === 1
      ? avgPool1d(x, first(kernel), { ...common, stride: first(stride), padding: first(around) })
      : avgPool2d(x, pair(kernel), { ...common, stride: pair(stride), padding: pair(around) });
  return before === null ? apply : (x) => apply(pad(x, before));
};

const GlobalAveragePool: Layer = (node) => {
  const axes = [...node.input(0).keys()].slice(2);
  return axes.length === 2 ? (x) => adaptiveAvgPool2d(x, 1) : (x) => mean(x, { dim: axes, keepdim: true });
};

const GlobalMaxPool: Layer = (node) => {
  const dim = [...node.input(0).keys()].slice(2);
  return (x) => amax(x, { dim, keepdim: true });
};

const first = ([one = 0]: readonly number[]): number => one;

function windowsOf(node: LayerNode) {
  const kernel = node.ints("kernel_shape");
  const ones = kernel.map(() => 1);
  if (kernel.length < 1 || kernel.length > 2)
    node.refuse(`pooling over ${kernel.length} axes is not supported`);
  const ceilMode = node.int("ceil_mode", 0) === 1;
  return { kernel, stride: node.ints("strides", ones), ...padding(node, kernel.length), ceilMode };
}

function reduce(apply: typeof mean | typeof sum | typeof amax): Layer {
  return (node) => {
    const dim = node.axes("axes", [...node.input(0).keys()]);
    const keepdim = node.int("keepdims", 1) === 1;
    return (x) => apply(x, { dim, keepdim });
  };
}

export const pooling = {
  MaxPool,
  AveragePool,
  GlobalAveragePool,
  GlobalMaxPool,
  ReduceMax: reduce(amax),
  ReduceMean: reduce(mean),
  ReduceSum: reduce(sum),
};
