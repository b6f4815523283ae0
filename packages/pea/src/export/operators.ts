/**
 * How each ATen operator of a finalized network is written in ONNX (opset 17).
 *
 * Batch norm stays a node of its own: the file then holds the state dict bit for bit under its own keys, and ONNX
 * Runtime folds it into the convolution when it loads the file.
 * @module
 */
import { PeaError } from "@pea/core";
import { at, type GraphOperation, type GraphValue } from "./trace.ts";

/** Attributes by name: integers, lists of integers, or a float marked as such (JS does not tell 1 from 1.0). */
export type Attributes = Record<string, number | readonly number[] | { float: number }>;

export interface OnnxNode {
  opType: string;
  /** Names of values; trailing optional inputs are left out. */
  inputs: string[];
  attributes: Attributes;
  /** Integer inputs that ONNX wants as constants (shapes, pads), appended to `inputs` in order. */
  integerInputs?: readonly (readonly number[])[];
}

type Converter = (operation: Arguments) => OnnxNode;

const converters: Record<string, Converter> = {
  "aten::conv1d": (op) => ({
    opType: "Conv",
    inputs: op.values(0, 1, 2),
    attributes: {
      kernel_shape: op.value(1).shape.slice(2),
      strides: [op.single(3, 1)],
      pads: twice([op.single(4, 0)]),
      dilations: [op.single(5, 1)],
      group: op.number(6, 1),
    },
  }),
  "aten::conv2d": (op) => ({
    opType: "Conv",
    inputs: op.values(0, 1, 2),
    attributes: {
      kernel_shape: op.value(1).shape.slice(2),
      strides: op.pair(3, 1),
      pads: twice(op.pair(4, 0)),
      dilations: op.pair(5, 1),
      group: op.number(6, 1),
    },
  }),
  "aten::conv_transpose2d": (op) => ({
    opType: "ConvTranspose",
    inputs: op.values(0, 1, 2),
    attributes: {
      kernel_shape: op.value(1).shape.slice(2),
      strides: op.pair(3, 1),
      pads: twice(op.pair(4, 0)),
      output_padding: op.pair(5, 0),
      group: op.number(6, 1),
      dilations: op.pair(7, 1),
    },
  }),
  "aten::batch_norm": (op) => {
    if (op.flag(5, true)) op.refuse("it uses batch statistics (training mode)");
    return {
      opType: "BatchNormalization",
      inputs: op.values(0, 1, 2, 3, 4),
      attributes: { epsilon: { float: op.number(7, 1e-5) } },
    };
  },
  "aten::relu": (op) => ({ opType: "Relu", inputs: op.values(0), attributes: {} }),
  "aten::add": (op) => {
    if (op.number(2, 1) !== 1) op.refuse("it scales its second operand");
    return { opType: "Add", inputs: op.values(0, 1), attributes: {} };
  },
  "aten::cat": (op) => {
    const axis = op.axis(1, 0);
    if (axis === 0) op.refuse("it joins batches, whose size must stay dynamic");
    return { opType: "Concat", inputs: op.list(0).map(({ name }) => name), attributes: { axis } };
  },
  // Only the order in memory changes: a network in channels_last asks for it.
  "aten::contiguous": (op) => ({ opType: "Identity", inputs: op.values(0), attributes: {} }),
  "aten::max_pool2d": (op) => {
    const kernel = op.pair(1, 1);
    return {
      opType: "MaxPool",
      inputs: op.values(0),
      attributes: {
        kernel_shape: kernel,
        strides: op.pair(2, kernel),
        pads: twice(op.pair(3, 0)),
        dilations: op.pair(4, 1),
        ceil_mode: op.flag(5, false) ? 1 : 0,
      },
    };
  },
  "aten::adaptive_avg_pool2d": (op) => {
    if (op.pair(1, 0).some((size) => size !== 1))
      op.refuse("only the global average (output size 1) has a form in ONNX");
    return { opType: "GlobalAveragePool", inputs: op.values(0), attributes: {} };
  },
  "aten::mean": (op) => ({
    opType: "ReduceMean",
    inputs: op.values(0),
    attributes: { axes: op.numbers(1), keepdims: op.flag(2, false) ? 1 : 0 },
  }),
  "aten::linear": (op) => {
    if (op.value(0).shape.length !== 2)
      op.refuse(`its input has ${op.value(0).shape.length} dimensions, not 2`);
    return { opType: "Gemm", inputs: op.values(0, 1, 2), attributes: { transB: 1 } };
  },
  "aten::flatten": (op) => {
    if (op.number(1, 0) !== 1 || ![-1, op.value(0).shape.length - 1].includes(op.number(2, -1))) {
      op.refuse("only flattening everything but the batch has a form in ONNX");
    }
    return { opType: "Flatten", inputs: op.values(0), attributes: { axis: 1 } };
  },
  "aten::reshape": reshape,
  "aten::view": reshape,
  "aten::constant_pad_nd": (op) => {
    if (op.number(2, 0) !== 0) op.refuse("it pads with another value than zero");
    return pad(op);
  },
  "aten::pad": (op) => {
    if (op.text(2, "constant") !== "constant" || op.number(3, 0) !== 0)
      op.refuse("only padding with zeros is mapped");
    return pad(op);
  },
};

function reshape(op: Arguments): OnnxNode {
  const [batch, ...rest] = op.result.shape;
  if (batch !== op.value(0).shape[0]) op.refuse("it moves the batch dimension, which must stay dynamic");
  // 0 copies the dimension of the input: the batch size of the trace does not enter the file.
  return { opType: "Reshape", inputs: op.values(0), attributes: {}, integerInputs: [[0, ...rest]] };
}

function pad(op: Arguments): OnnxNode {
  // ATen lists (before, after) from the last dimension backwards, ONNX all befores and then all afters.
  const dimensions = op.value(0).shape.length;
  const pads = new Array<number>(2 * dimensions).fill(0);
  op.numbers(1).forEach((size, i) => {
    pads[dimensions - 1 - (i >> 1) + (i % 2) * dimensions] = size;
  });
  return { opType: "Pad", inputs: op.values(0), attributes: {}, integerInputs: [pads] };
}

function twice(values: readonly number[]): number[] {
  return [...values, ...values];
}

/** Every operator type that a file of this exporter can hold; `Relu` is the only activation among them. */
export const allowedOperators: ReadonlySet<string> = new Set([
  "Add",
  "BatchNormalization",
  "Concat",
  "Conv",
  "ConvTranspose",
  "Flatten",
  "Gemm",
  "GlobalAveragePool",
  "Identity",
  "MaxPool",
  "Pad",
  "ReduceMean",
  "Relu",
  "Reshape",
]);

/**
 * The ONNX node of one recorded operator.
 * @throws PeaError naming operator and module when ONNX has no form for it here
 */
export function toOnnxNode(operation: GraphOperation): OnnxNode {
  const convert = converters[operation.operator];
  if (!convert) {
    throw new PeaError(
      `${operation.operator}${at(operation.path)} has no mapping to ONNX; the mapped operators are ` +
        `${Object.keys(converters).join(", ")}.`,
    );
  }
  return convert(new Arguments(operation));
}

/** Typed access to an operator's positional arguments; trailing ones that were left out take ATen's default. */
class Arguments {
  constructor(private readonly operation: GraphOperation) {}

  get result(): GraphValue {
    return this.operation.result;
  }

  value(index: number): GraphValue {
    const arg = this.operation.args[index];
    if (!isValue(arg)) this.refuse(`argument ${index} is not a tensor`);
    return arg;
  }

  list(index: number): GraphValue[] {
    const arg = this.operation.args[index];
    if (!Array.isArray(arg) || !arg.every(isValue)) this.refuse(`argument ${index} is not a list of tensors`);
    return arg;
  }

  /** Names of the tensors at `indices`; an absent last one (a bias) is left out. */
  values(...indices: number[]): string[] {
    const last = indices.at(-1) as number;
    const present = this.operation.args[last] == null && last >= 2 ? indices.slice(0, -1) : indices;
    return present.map((index) => this.value(index).name);
  }

  number(index: number, absent: number): number {
    const arg = this.operation.args[index] ?? absent;
    if (typeof arg !== "number" && typeof arg !== "bigint")
      this.refuse(`argument ${index} is not a number: ${arg}`);
    return Number(arg);
  }

  numbers(index: number): number[] {
    const arg = this.operation.args[index];
    if (!Array.isArray(arg)) this.refuse(`argument ${index} is not a list of numbers: ${arg}`);
    return (arg as (number | bigint)[]).map(Number);
  }

  /** A dimension of the result, counted from the front. */
  axis(index: number, absent: number): number {
    const axis = this.number(index, absent);
    return axis < 0 ? axis + this.result.shape.length : axis;
  }

  /** One value per spatial axis; a single number, or a list of one, stands for both. */
  pair(index: number, absent: number | readonly number[]): number[] {
    const arg = this.operation.args[index] ?? absent;
    const list = Array.isArray(arg) ? arg.map(Number) : [Number(arg)];
    const pair = list.length === 0 ? [absent].flat() : list;
    if (pair.some((item) => !Number.isInteger(item)))
      this.refuse(`argument ${index} is not a pair of integers: ${arg}`);
    return pair.length === 1 ? twice(pair as number[]) : (pair as number[]);
  }

  /** The value for one spatial axis: a number, or a list of one. */
  single(index: number, absent: number): number {
    const [value = absent, ...others] = this.pair(index, absent);
    if (others.some((other) => other !== value)) this.refuse(`argument ${index} is not for one axis`);
    return value;
  }

  flag(index: number, absent: boolean): boolean {
    return Boolean(this.operation.args[index] ?? absent);
  }

  text(index: number, absent: string): string {
    return String(this.operation.args[index] ?? absent);
  }

  refuse(reason: string): never {
    throw new PeaError(
      `${this.operation.operator}${at(this.operation.path)} cannot be written in ONNX: ${reason}.`,
    );
  }
}

function isValue(arg: unknown): arg is GraphValue {
  return typeof arg === "object" && arg !== null && "name" in arg;
}
