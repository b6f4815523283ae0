import { adaptiveAvgPool2d, avgPool2d, maxPool2d, mean, pad, sum } from "@pea/torch";
import { padding } from "./convolution.ts";
import { type Layer, type LayerNode, pair } from "./layer.ts";

const MaxPool: Layer = (node) => {
  const { kernel, stride, around, before, ceilMode } = windowsOf(node);
  const dilation = pair(node.ints("dilations", [1, 1]));
  const options = { stride, padding: around, dilation, ceilMode };
  if (before === null) return (x) => maxPool2d(x, kernel, options);
  return (x) => maxPool2d(pad(x, before, { value: -Infinity }), kernel, options);
};

const AveragePool: Layer = (node) => {
  const { kernel, stride, around, before, ceilMode } = windowsOf(node);
  const countIncludePad = node.int("count_include_pad", 0) === 1;
  const options = { stride, padding: around, ceilMode, countIncludePad };
  if (before === null) return (x) => avgPool2d(x, kernel, options);
  if (!countIncludePad || ceilMode)
    node.refuse("its pads differ between the two sides of an axis, and its mean does not count them all");
  return (x) => avgPool2d(pad(x, before), kernel, options);
};

const GlobalAveragePool: Layer = (node) => {
  if (node.input(0).length !== 4) node.refuse("it pools what is no image");
  return (x) => adaptiveAvgPool2d(x, 1);
};

function windowsOf(node: LayerNode) {
  const kernel = node.ints("kernel_shape");
  if (kernel.length !== 2) node.refuse(`pooling over ${kernel.length} axes is not supported`);
  const { around, before } = padding(node, 2);
  return {
    kernel: pair(kernel),
    stride: pair(node.ints("strides", [1, 1])),
    around: pair(around),
    before,
    ceilMode: node.int("ceil_mode", 0) === 1,
  };
}

function reduce(apply: typeof mean | typeof sum): Layer {
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
  ReduceMean: reduce(mean),
  ReduceSum: reduce(sum),
};
