import { type Constant, transposed } from "@pea/graph";
import {
  Conv1d,
  Conv2d,
  ConvTranspose1d,
  ConvTranspose2d,
  Linear,
  type Module,
  matmul,
  pad,
  type Tensor,
} from "@pea/torch";
import { type Layer, type LayerNode, lastAxisFirst, pair, type Run, setValues } from "./layer.ts";

type Weighted = Module & { readonly weight: Tensor; readonly bias: Tensor | null };

const Conv: Layer = (node) => {
  const [out = 0, , ...kernel] = node.weight(1).shape;
  const [, channels] = node.input(0);
  const { around, before } = padding(node, kernel.length);
  const ones = kernel.map(() => 1);
  const [strides, dilations] = [node.ints("strides", ones), node.ints("dilations", ones)];
  const common = { groups: node.int("group", 1), bias: node.hasInput(2) };
  const inputs = node.fixed(channels);
  const create = (): Weighted => {
    if (kernel.length === 2)
      return new Conv2d(inputs, out, pair(kernel), {
        ...common,
        stride: pair(strides),
        padding: before === null ? pair(around) : (before as [number, number, number, number]),
        dilation: pair(dilations),
      });
    if (kernel.length !== 1) return node.refuse(`convolutions of ${kernel.length} axes are not supported`);
    const [length = 1, stride = 1, sides = 0, dilation = 1] = [kernel, strides, around, dilations].flat();
    return new Conv1d(inputs, out, length, { ...common, stride, padding: sides, dilation });
  };
  const place = node.place(() => loaded(node, create()));
  const isPadded = before === null || kernel.length === 2;
  return (input) => place.module.forward(isPadded ? input : pad(input, before));
};

const ConvTranspose: Layer = (node) => {
  const [inputs = 0, perGroup = 0, ...kernel] = node.weight(1).shape;
  const ones = kernel.map(() => 1);
  const zeros = kernel.map(() => 0);
  const { around, before } = padding(node, kernel.length);
  if (kernel.length < 1 || kernel.length > 2)
    node.refuse(`transposed convolutions of ${kernel.length} axes are not supported`);
  if (before !== null) node.refuse("its pads differ between the two sides of an axis");
  const groups = node.int("group", 1);
  const [strides, dilations] = [node.ints("strides", ones), node.ints("dilations", ones)];
  const outputPadding = node.ints("output_padding", zeros);
  const common = { groups, bias: node.hasInput(2) };
  const out = perGroup * groups;
  const create = (): Weighted => {
    if (kernel.length === 2)
      return new ConvTranspose2d(inputs, out, pair(kernel), {
        ...common,
        stride: pair(strides),
        padding: pair(around),
        outputPadding: pair(outputPadding),
        dilation: pair(dilations),
      });
    const all = [kernel, strides, around, outputPadding, dilations].flat();
    const [length = 1, stride = 1, sides = 0, more = 0, dilation = 1] = all;
    const options = { ...common, stride, padding: sides, outputPadding: more, dilation };
    return new ConvTranspose1d(inputs, out, length, options);
  };
  const place = node.place(() => loaded(node, create()));
  return (input) => place.module.forward(input);
};

/** x × weightᵀ + bias. */
const Gemm: Layer = (node) => {
  const weight = node.weight(1);
  if (node.int("transA", 0) === 1) node.refuse("it transposes its input");
  if (node.float("alpha", 1) !== 1 || node.float("beta", 1) !== 1) node.refuse("it scales what it adds");
  return linear(node, node.int("transB", 0) === 1 ? weight : transposed(weight));
};

/** A product with a constant is a linear layer. */
const MatMul: Layer = (node) => {
  if ([0, 1].every((index) => node.constant(index) === undefined)) return (a, b) => matmul(a, b as Tensor);
  if (node.constant(1)?.shape.length !== 2)
    node.refuse("it multiplies by something else than a matrix of weights");
  return linear(node, transposed(node.weight(1)));
};

function linear(node: LayerNode, weight: Constant): Run {
  const [out = 0, inputs = 0] = weight.shape;
  const place = node.place(() => {
    const layer = new Linear(inputs, out, { bias: node.hasInput(2) });
    setValues(layer.weight, weight);
    if (layer.bias !== null) setValues(layer.bias, spread(node.weight(2), out));
    return layer;
  });
  return (input) => place.module.forward(input);
}

/** A bias of one number is added to all. */
function spread({ data }: { data: unknown }, length: number): { data: Float32Array } {
  const values = data as Float32Array;
  return { data: values.length === length ? values : new Float32Array(length).fill(values[0] ?? 0) };
}

function loaded<M extends Weighted>(node: LayerNode, layer: M): M {
  setValues(layer.weight, node.weight(1));
  if (layer.bias !== null) setValues(layer.bias, node.weight(2));
  return layer;
}

/** Zeros that the layer adds itself, alike on both sides, or those to be put around before it, last axis first. */
export function padding(node: LayerNode, axes: number): { around: number[]; before: number[] | null } {
  const pads = node.ints("pads", new Array<number>(2 * axes).fill(0));
  const [first, last] = [pads.slice(0, axes), pads.slice(axes)];
  if (first.every((size, axis) => size === last[axis])) return { around: first, before: null };
  return { around: first.map(() => 0), before: lastAxisFirst(pads) };
}

export const convolution = { Conv, ConvTranspose, Gemm, MatMul };
