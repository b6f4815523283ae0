/** Quantized graphs of an operator or a few, with integers that are drawn. */
import type {
  Attributes,
  Constant,
  FusedActivation,
  IntegerType,
  Quantization,
  QuantizedGraph,
  QuantizedNode,
  Shape,
} from "@pea/graph";

/** Draws numbers from 0 to 1: a linear congruence, so that a case is the same everywhere. */
export function drawing(seed: number): () => number {
  let state = (seed * 2654435761) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

export const scaled = (scale: number, zeroPoint = 0, type: IntegerType = "int8"): Quantization => ({
  type,
  scales: Float32Array.of(scale),
  zeroPoints: Int32Array.of(zeroPoint),
});

/** A graph under construction: each call adds a node and gives the name of what it computes. */
export class QuantizedBuilder {
  readonly nodes: QuantizedNode[] = [];
  readonly constants = new Map<string, Constant>();
  readonly quantizations = new Map<string, Quantization>();
  readonly draw: () => number;

  constructor(
    readonly shape: Shape,
    input: Quantization,
    seed = 1,
  ) {
    this.quantizations.set("x", input);
    this.draw = drawing(seed);
  }

  get type(): IntegerType {
    return this.quantizations.get("x")?.type as IntegerType;
  }

  scaleOf(name: string): number {
    return this.quantizations.get(name)?.scales[0] as number;
  }

  /** An operator on values; of the first one's scale unless another is given. */
  node(
    operator: string,
    inputs: readonly string[],
    attributes: Attributes = {},
    {
      quantization,
      fused,
      outputs = 1,
    }: { quantization?: Quantization; fused?: FusedActivation; outputs?: number } = {},
  ): string {
    const names = Array.from({ length: outputs }, (_, i) => `${operator}${this.nodes.length}.${i}`);
    for (const name of names)
      this.quantizations.set(
        name,
        quantization ?? (this.quantizations.get(inputs[0] as string) as Quantization),
      );
    this.nodes.push({
      operator,
      inputs,
      outputs: names,
      attributes,
      path: operator,
      ...(fused && { fused }),
    });
    return names[0] as string;
  }

  /** An integer between two, both included. */
  integer(least: number, greatest: number): number {
    return least + Math.floor(this.draw() * (greatest - least + 1));
  }

  constant(
    name: string,
    shape: readonly number[],
    quantization: Quantization,
    least: number,
    greatest: number,
  ): string {
    const length = shape.reduce((a, b) => a * b, 1);
    const integers = Array.from({ length }, () => this.integer(least, greatest));
    const data =
      quantization.type === "int64"
        ? BigInt64Array.from(integers, BigInt)
        : quantization.type === "int32"
          ? Int32Array.from(integers)
          : quantization.type === "int16"
            ? Int16Array.from(integers)
            : Int8Array.from(integers);
    this.constants.set(name, { shape, data });
    this.quantizations.set(name, quantization);
    return name;
  }

  /** A layer with weight and bias, whose sums fill the range of what it computes. */
  layer(
    operator: "Conv" | "ConvTranspose" | "Gemm",
    input: string,
    weightShape: readonly number[],
    attributes: Attributes = {},
    {
      perTensor = false,
      fused,
      hasBias = true,
    }: { perTensor?: boolean; fused?: FusedActivation; hasBias?: boolean } = {},
  ): string {
    const group = Number(attributes.group ?? 1);
    const axis = operator === "Conv" ? 0 : operator === "Gemm" && attributes.transB === 1 ? 0 : 1;
    const along = weightShape[axis] as number;
    const outputs = operator === "ConvTranspose" ? along * group : along;
    const count = perTensor ? 1 : along;
    const name = `${operator}${this.nodes.length}`;
    const scales = Float32Array.from({ length: count }, () => 0.002 + 0.01 * this.draw());
    const weight = this.constant(
      `${name}/weight`,
      weightShape,
      { type: "int8", scales, zeroPoints: new Int32Array(count), ...(!perTensor && { axis }) },
      -127,
      127,
    );
    const elements = weightShape.reduce((a, b) => a * b, 1);
    const taps = operator === "ConvTranspose" ? elements / (weightShape[1] as number) : elements / outputs;
    const isWide = this.type === "int16";
    const spread = Math.sqrt(taps) * 73 * (isWide ? 18000 : 73);
    const sx = this.scaleOf(input);
    const output = Math.fround((sx * 0.007 * spread) / (isWide ? 12000 : 45));
    const inputs = [input, weight];
    if (hasBias)
      inputs.push(
        this.constant(
          `${name}/bias`,
          [outputs],
          {
            type: isWide ? "int64" : "int32",
            scales: Float32Array.from(
              { length: perTensor ? 1 : outputs },
              (_, i) => sx * (scales[i % count] as number),
            ),
            zeroPoints: new Int32Array(perTensor ? 1 : outputs),
            axis: 0,
          },
          -Math.floor(spread),
          Math.floor(spread),
        ),
      );
    const zeroPoint = isWide ? 0 : fused === undefined ? this.integer(-20, 20) : -128;
    return this.node(operator, inputs, attributes, {
      fused,
      quantization: scaled(output, zeroPoint, this.type),
    });
  }

  graph(...outputs: string[]): QuantizedGraph {
    const { nodes, constants, quantizations, shape } = this;
    return {
      inputs: [{ name: "x", shape }],
      outputs: outputs.length > 0 ? outputs : [nodes.at(-1)?.outputs[0] as string],
      nodes,
      constants,
      quantizations,
    };
  }
}

/** Integers of all of a type's range. */
export function drawIntegers(type: IntegerType, length: number, seed: number): Int8Array | Int16Array {
  const draw = drawing(seed);
  return type === "int16"
    ? Int16Array.from({ length }, () => Math.floor(draw() * 65536) - 32768)
    : Int8Array.from({ length }, () => Math.floor(draw() * 256) - 128);
}

/** A graph by what it shows. */
export type QuantizedCases = Readonly<Record<string, () => QuantizedGraph>>;

const images = (channels: number, height: number, width = height): Shape => [
  "batch",
  channels,
  height,
  width,
];
const build = (shape: Shape, seed: number, zeroPoint = 5, scale = 0.043): QuantizedBuilder =>
  new QuantizedBuilder(shape, scaled(scale, zeroPoint), seed);
const kernel = (size: number, stride = 1, pad = 0): Attributes => ({
  kernel_shape: [size, size],
  strides: [stride, stride],
  pads: [pad, pad, pad, pad],
});

/** One layer on images. */
const one =
  (
    operator: "Conv" | "ConvTranspose" | "Gemm",
    shape: Shape,
    weight: readonly number[],
    attributes: Attributes = {},
    options: Parameters<QuantizedBuilder["layer"]>[4] = {},
  ) =>
  (): QuantizedGraph => {
    const builder = build(
      shape,
      weight.reduce((a, b) => a * 3 + b, 7),
    );
    builder.layer(operator, "x", weight, attributes, options);
    return builder.graph();
  };

/** Operators by themselves, each in the ways in which networks use them. */
export const singleOperators: QuantizedCases = {
  "Conv 3×3": one("Conv", images(3, 9), [8, 3, 3, 3], kernel(3)),
  "Conv 3×3 padded as SAME": one("Conv", images(3, 9), [8, 3, 3, 3], kernel(3, 1, 1)),
  "Conv 3×3 stride 2 padded on both sides": one("Conv", images(3, 10), [8, 3, 3, 3], kernel(3, 2, 1)),
  "Conv 3×3 stride 2 of an odd size": one("Conv", images(3, 11), [8, 3, 3, 3], kernel(3, 2, 1)),
  "Conv 5×3 with other strides and pads": one("Conv", images(4, 12, 9), [6, 4, 5, 3], {
    strides: [2, 1],
    pads: [2, 0, 1, 2],
  }),
  "Conv 1×1": one("Conv", images(16, 5), [12, 16, 1, 1]),
  "Conv 1×1 stride 2": one("Conv", images(8, 6), [12, 8, 1, 1], { strides: [2, 2] }),
  "Conv 3×1 dilated": one("Conv", images(4, 16, 8), [4, 4, 3, 1], { dilations: [4, 1], pads: [4, 0, 4, 0] }),
  "Conv 3×3 dilated": one("Conv", images(4, 12), [4, 4, 3, 3], { dilations: [2, 2], pads: [2, 2, 2, 2] }),
  "Conv in two groups": one("Conv", images(8, 7), [6, 4, 3, 3], { ...kernel(3, 1, 1), group: 2 }),
  "Conv depthwise": one("Conv", images(8, 7), [8, 1, 3, 3], { ...kernel(3, 1, 1), group: 8 }),
  "Conv depthwise stride 2": one("Conv", images(8, 8), [8, 1, 3, 3], { ...kernel(3, 2, 1), group: 8 }),
  "Conv depthwise, two outputs a channel": one("Conv", images(6, 7), [12, 1, 3, 3], {
    ...kernel(3, 1, 1),
    group: 6,
  }),
  "Conv of one channel": one("Conv", images(1, 12), [8, 1, 3, 3], kernel(3, 1, 1)),
  "Conv with ReLU": one("Conv", images(3, 9), [8, 3, 3, 3], kernel(3, 1, 1), { fused: "relu" }),
  "Conv with ReLU6": () => {
    const builder = build(images(3, 9), 77, -128);
    const output = builder.layer("Conv", "x", [8, 3, 3, 3], kernel(3, 1, 1), { fused: "relu6" });
    // As calibration has it: of 0 to 6.
    builder.quantizations.set(output, scaled(6 / 255, -128));
    return builder.graph();
  },
  "Conv per tensor": one("Conv", images(3, 9), [8, 3, 3, 3], kernel(3, 1, 1), { perTensor: true }),
  "Conv depthwise per tensor": one(
    "Conv",
    images(8, 7),
    [8, 1, 3, 3],
    { ...kernel(3, 1, 1), group: 8 },
    { perTensor: true },
  ),
  "Conv without bias": one("Conv", images(3, 9), [8, 3, 3, 3], kernel(3, 1, 1), { hasBias: false }),
  "ConvTranspose 2×2 stride 2": one("ConvTranspose", images(6, 5), [6, 4, 2, 2], { strides: [2, 2] }),
  "ConvTranspose 3×3 stride 2, padded by 1, with output padding": one(
    "ConvTranspose",
    images(6, 5),
    [6, 4, 3, 3],
    {
      strides: [2, 2],
      pads: [1, 1, 1, 1],
      output_padding: [1, 1],
    },
  ),
  "ConvTranspose 4×4 stride 2, padded by 1": one("ConvTranspose", images(6, 5), [6, 4, 4, 4], {
    strides: [2, 2],
    pads: [1, 1, 1, 1],
  }),
  "ConvTranspose with ReLU": one(
    "ConvTranspose",
    images(6, 5),
    [6, 4, 3, 3],
    {
      strides: [2, 2],
      pads: [1, 1, 1, 1],
      output_padding: [1, 1],
    },
    { fused: "relu" },
  ),
  Gemm: one("Gemm", ["batch", 37], [11, 37], { transB: 1 }),
  "Gemm of columns": one("Gemm", ["batch", 37], [37, 11]),
  "Gemm per tensor": one("Gemm", ["batch", 64], [16, 64], { transB: 1 }, { perTensor: true }),
  "Gemm with ReLU, without bias": one(
    "Gemm",
    ["batch", 37],
    [11, 37],
    { transB: 1 },
    { fused: "relu", hasBias: false },
  ),
  "Add of two scales": () => sumOf("Add", 11),
  "Add with ReLU": () => sumOf("Add", 12, "relu"),
  Sub: () => sumOf("Sub", 13),
  Mul: () => sumOf("Mul", 14),
  "Add of a constant for each channel": () => withConstant("Add", [4, 1, 1]),
  "Mul by a constant for each channel": () => withConstant("Mul", [1, 4, 1, 1]),
  "Mul of channels by a gate": () => {
    const builder = build(images(6, 5), 21);
    const gate = builder.node("GlobalAveragePool", ["x"]);
    const open = builder.layer("Conv", gate, [6, 6, 1, 1]);
    builder.node("Mul", ["x", open], {}, { quantization: scaled(0.09, 3) });
    return builder.graph();
  },
  MaxPool: () => pooled("MaxPool", kernel(2, 2)),
  "MaxPool padded on both sides": () => pooled("MaxPool", kernel(3, 2, 1)),
  "MaxPool behind ReLU": () => {
    const builder = build(images(5, 10), 31, -128);
    builder.node("MaxPool", ["x"], kernel(3, 2, 1));
    return builder.graph();
  },
  AveragePool: () => pooled("AveragePool", kernel(2, 2)),
  "AveragePool padded as SAME": () => pooled("AveragePool", kernel(3, 1, 1)),
  "AveragePool with counted padding": () =>
    pooled("AveragePool", { ...kernel(3, 2, 1), count_include_pad: 1 }),
  GlobalAveragePool: () => pooled("GlobalAveragePool", {}),
  GlobalMaxPool: () => pooled("GlobalMaxPool", {}),
  "ReduceMax to vectors": () => pooled("ReduceMax", { axes: [2, 3], keepdims: 0 }),
  "Concat of channels": () => {
    const builder = build(images(5, 6), 41);
    const pool = builder.node("MaxPool", ["x"], kernel(3, 1, 1));
    builder.node("Concat", ["x", pool], { axis: 1 });
    return builder.graph();
  },
  "Concat of rows": () => {
    const builder = build(images(5, 6), 42);
    const relu = builder.node("Relu", ["x"]);
    builder.node("Concat", [relu, "x"], { axis: 2 });
    return builder.graph();
  },
  Pad: () => moved("Pad", { pads: [0, 0, 1, 2, 0, 0, 3, 0] }),
  "Transpose of height and width": () => moved("Transpose", { perm: [0, 1, 3, 2] }),
  "Transpose of channels": () => moved("Transpose", { perm: [0, 2, 3, 1] }),
  "Reshape of height and width": () => moved("Reshape", { shape: [0, 4, 3, 12] }),
  "Reshape across channels": () => moved("Reshape", { shape: [0, 12, 3, 4] }),
  "Channels shuffled": () => {
    const builder = build(images(6, 4), 51);
    const split = builder.node("Reshape", ["x"], { shape: [0, 2, 3, 4, 4] });
    const turned = builder.node("Transpose", [split], { perm: [0, 2, 1, 3, 4] });
    builder.node("Reshape", [turned], { shape: [0, 6, 4, 4] });
    return builder.graph();
  },
  Flatten: () => moved("Flatten", { axis: 1 }),
  "Flatten before Gemm": () => {
    const builder = build(images(3, 4), 52);
    const flat = builder.node("Flatten", ["x"], { axis: 1 });
    builder.layer("Gemm", flat, [7, 48], { transB: 1 });
    return builder.graph();
  },
  Slice: () => moved("Slice", { starts: [1, 2], ends: [3, -1], axes: [1, 3] }),
  "Slice of every second row": () =>
    moved("Slice", { starts: [1], ends: [2 ** 31 - 1], axes: [2], steps: [2] }),
  Split: () => {
    const builder = build(images(5, 4), 53);
    builder.node("Split", ["x"], { axis: 1, split: [2, 3] }, { outputs: 2 });
    return builder.graph("Split0.0", "Split0.1");
  },
  SpaceToDepth: () => moved("SpaceToDepth", { blocksize: 2 }),
  DepthToSpace: () => moved("DepthToSpace", { blocksize: 2 }),
  "DepthToSpace of pixels that are neighbours": () => moved("DepthToSpace", { blocksize: 2, mode: "CRD" }),
  "Resize, nearest": () =>
    moved("Resize", {
      scales: [1, 1, 2, 2],
      mode: "nearest",
      coordinate_transformation_mode: "asymmetric",
      nearest_mode: "floor",
    }),
  "Resize, nearest, half pixels": () => moved("Resize", { scales: [1, 1, 3, 2], mode: "nearest" }),
  "Resize, linear, half pixels": () => moved("Resize", { scales: [1, 1, 2, 2], mode: "linear" }),
  "Resize, linear, to a size of its own": () =>
    moved("Resize", { sizes: [9, 7], axes: [2, 3], mode: "linear" }),
  "Resize, linear, aligned corners": () =>
    moved("Resize", {
      scales: [1, 1, 2, 2],
      mode: "linear",
      coordinate_transformation_mode: "align_corners",
    }),
  "Relu by itself": () => moved("Relu", {}),
  "Clip of 0 and 6 by itself": () => moved("Clip", { min: 0, max: 6 }),
  LeakyRelu: () => moved("LeakyRelu", { alpha: 0.1 }, scaled(0.037, -30)),
  Sigmoid: () => moved("Sigmoid", {}, scaled(1 / 256, -128)),
};

function sumOf(operator: "Add" | "Sub" | "Mul", seed: number, fused?: FusedActivation): QuantizedGraph {
  const builder = build(images(4, 6), seed);
  const other = builder.layer("Conv", "x", [4, 4, 3, 3], kernel(3, 1, 1));
  const scale = operator === "Mul" ? 0.17 : 0.11;
  const zeroPoint = fused === undefined ? 9 : -128;
  builder.node(
    operator,
    ["x", other],
    {},
    { quantization: scaled(scale, zeroPoint), ...(fused && { fused }) },
  );
  return builder.graph();
}

function withConstant(operator: "Add" | "Mul", shape: readonly number[]): QuantizedGraph {
  const builder = build(images(4, 6), 15);
  const constant = builder.constant("constant", shape, scaled(0.02, 0), -127, 127);
  builder.node(operator, ["x", constant], {}, { quantization: scaled(0.05, -11) });
  return builder.graph();
}

function pooled(operator: string, attributes: Attributes): QuantizedGraph {
  const builder = build(images(5, 10), 32);
  builder.node(operator, ["x"], attributes);
  return builder.graph();
}

function moved(operator: string, attributes: Attributes, quantization?: Quantization): QuantizedGraph {
  const builder = build(images(4, 6), 33);
  builder.node(operator, ["x"], attributes, { ...(quantization && { quantization }) });
  return builder.graph();
}

const wide = (shape: Shape, seed: number): QuantizedBuilder =>
  new QuantizedBuilder(shape, scaled(0.00031, 0, "int16"), seed);

const wideLayer =
  (
    operator: "Conv" | "ConvTranspose" | "Gemm",
    shape: Shape,
    weight: readonly number[],
    attributes: Attributes = {},
    options: Parameters<QuantizedBuilder["layer"]>[4] = {},
  ) =>
  (): QuantizedGraph => {
    const builder = wide(shape, 3);
    builder.layer(operator, "x", weight, attributes, options);
    return builder.graph();
  };

const wideNode =
  (operator: string, attributes: Attributes = {}, shape = images(5, 8)) =>
  (): QuantizedGraph => {
    const builder = wide(shape, 4);
    builder.node(operator, ["x"], attributes);
    return builder.graph();
  };

const wideSum = (operator: string) => (): QuantizedGraph => {
  const builder = wide(images(4, 6), 5);
  const other = builder.layer("Conv", "x", [4, 4, 3, 3], kernel(3, 1, 1));
  builder.node(operator, ["x", other], {}, { quantization: scaled(0.0009, 0, "int16") });
  return builder.graph();
};

/** Operators in 16 bits. */
export const wideOperators: QuantizedCases = {
  "Conv 3×3": wideLayer("Conv", images(3, 9), [8, 3, 3, 3], kernel(3, 1, 1)),
  "Conv of many channels": wideLayer("Conv", images(96, 6), [8, 96, 3, 3], kernel(3, 2, 1)),
  "Conv with ReLU": wideLayer("Conv", images(3, 9), [8, 3, 3, 3], kernel(3, 1, 1), { fused: "relu" }),
  "Conv depthwise": wideLayer("Conv", images(8, 7), [8, 1, 3, 3], { ...kernel(3, 1, 1), group: 8 }),
  "ConvTranspose 3×3 stride 2": wideLayer("ConvTranspose", images(6, 5), [6, 4, 3, 3], {
    strides: [2, 2],
    pads: [1, 1, 1, 1],
    output_padding: [1, 1],
  }),
  Gemm: wideLayer("Gemm", ["batch", 37], [11, 37], { transB: 1 }),
  "Gemm per tensor": wideLayer("Gemm", ["batch", 37], [11, 37], { transB: 1 }, { perTensor: true }),
  Add: wideSum("Add"),
  Sub: wideSum("Sub"),
  Mul: wideSum("Mul"),
  MaxPool: wideNode("MaxPool", kernel(2, 2)),
  "MaxPool padded on both sides": wideNode("MaxPool", kernel(3, 2, 1)),
  AveragePool: wideNode("AveragePool", kernel(2, 2)),
  GlobalAveragePool: wideNode("GlobalAveragePool"),
  Pad: wideNode("Pad", { pads: [0, 0, 1, 2, 0, 0, 3, 0] }),
  "Transpose of channels": wideNode("Transpose", { perm: [0, 2, 3, 1] }),
  Flatten: wideNode("Flatten", { axis: 1 }),
  Slice: wideNode("Slice", { starts: [1, 2], ends: [3, -1], axes: [1, 3] }),
  "Concat of channels": () => {
    const builder = wide(images(5, 6), 6);
    const pool = builder.node("MaxPool", ["x"], kernel(3, 1, 1));
    builder.node("Concat", ["x", pool], { axis: 1 });
    return builder.graph();
  },
  "Resize, nearest": wideNode("Resize", {
    scales: [1, 1, 2, 2],
    mode: "nearest",
    coordinate_transformation_mode: "asymmetric",
    nearest_mode: "floor",
  }),
  "Resize, linear, half pixels": wideNode("Resize", {
    scales: [1, 1, 2, 2],
    mode: "linear",
    coordinate_transformation_mode: "half_pixel",
  }),
  "Resize, linear, aligned corners": wideNode("Resize", {
    scales: [1, 1, 2, 2],
    mode: "linear",
    coordinate_transformation_mode: "align_corners",
  }),
  "Conv in two groups": wideLayer("Conv", images(8, 7), [6, 4, 3, 3], { ...kernel(3, 1, 1), group: 2 }),
  GlobalMaxPool: wideNode("GlobalMaxPool"),
  Split: () => {
    const builder = wide(images(5, 4), 7);
    builder.node("Split", ["x"], { axis: 1, split: [2, 3] }, { outputs: 2 });
    return builder.graph("Split0.0", "Split0.1");
  },
  SpaceToDepth: wideNode("SpaceToDepth", { blocksize: 2 }),
  DepthToSpace: wideNode("DepthToSpace", { blocksize: 2 }, images(4, 6)),
  "Relu by itself": wideNode("Relu"),
  "Clip of 0 and 6 by itself": wideNode("Clip", { min: 0, max: 6 }),
  LeakyRelu: () => {
    const builder = wide(images(5, 6), 8);
    builder.node("LeakyRelu", ["x"], { alpha: 0.1 }, { quantization: scaled(0.00027, 0, "int16") });
    return builder.graph();
  },
};
