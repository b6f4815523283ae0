/** Every operator that the trace has words for: ONNX Runtime computes from the file what libtorch does. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { fixBatch } from "@pea/graph";
import {
  abs,
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  add,
  amax,
  avgPool1d,
  avgPool2d,
  BatchNorm2d,
  Conv1d,
  Conv2d,
  ConvTranspose1d,
  ConvTranspose2d,
  call,
  cat,
  channelShuffle,
  chunk,
  clamp,
  div,
  elu,
  exp,
  expand,
  flatten,
  hardsigmoid,
  hardswish,
  hardtanh,
  interpolate,
  LayerNorm,
  Linear,
  layerNorm,
  leakyRelu,
  logSoftmax,
  Module,
  maximum,
  maxPool1d,
  maxPool2d,
  mean,
  minimum,
  mish,
  mul,
  narrow,
  neg,
  noGrad,
  PReLU,
  pad,
  permute,
  pixelShuffle,
  pixelUnshuffle,
  pow,
  randn,
  relu,
  reshape,
  scope,
  select,
  setNumThreads,
  sigmoid,
  silu,
  slice,
  softmax,
  softplus,
  split,
  sqrt,
  squeeze,
  stack,
  sub,
  sum,
  type Tensor,
  tanh,
  tensor,
  transpose,
  unsqueeze,
  upsampleBilinear2d,
  upsampleNearest2d,
  view,
} from "@pea/torch";
import fc from "fast-check";
import { readOnnx } from "../../src/export/onnx/decode.ts";
import { encodeOnnx } from "../../src/export/onnx/encode.ts";
import { scaleFor } from "../../src/export/onnx/lower.ts";
import { openSession } from "../../src/export/onnx/session.ts";
import { traceNetwork } from "../../src/trace/trace.ts";
import { FunctionNetwork } from "../support/function-network.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

setNumThreads(1);
const folder = temporaryFolder();
after(() => rmSync(folder, { recursive: true }));

const opsets = [11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21];
const image = [4, 6, 8];
type Compute = (x: Tensor) => Tensor;

const networks: Record<string, Compute | { compute: Compute; shape: number[] } | Module> = {
  "conv1d, strided, padded, dilated, in groups": new (class extends Module {
    readonly conv = new Conv1d(4, 6, 3, { stride: 2, padding: 2, dilation: 2, groups: 2 });
    forward(x: Tensor): Tensor {
      return this.conv.forward(flatten(x, { startDim: 2 }));
    }
  })(),
  "conv2d, uneven in every way": new Conv2d(4, 6, [3, 2], {
    stride: [2, 1],
    padding: [1, 2],
    dilation: [1, 3],
    groups: 2,
    bias: false,
  }),
  "conv2d that keeps the size": new (class extends Module {
    readonly weight = this.parameter("weight", randn([3, 4, 4, 3]));
    forward(x: Tensor): Tensor {
      return call("aten::conv2d.padding", x, this.weight, null, 1, "same", 2);
    }
  })(),
  "a row's convolution that keeps the size": new (class extends Module {
    readonly weight = this.parameter("weight", randn([3, 4, 4]));
    forward(x: Tensor): Tensor {
      return call("aten::conv1d.padding", flatten(x, { startDim: 2 }), this.weight, null, 1, "same", 2);
    }
  })(),
  "transposed convolution of rows": new (class extends Module {
    readonly conv = new ConvTranspose1d(4, 6, 3, { stride: 2, padding: 1, outputPadding: 1, groups: 2 });
    forward(x: Tensor): Tensor {
      return this.conv.forward(flatten(x, { startDim: 2 }));
    }
  })(),
  "transposed convolution": new ConvTranspose2d(4, 6, 3, {
    stride: [2, 3],
    padding: [1, 0],
    outputPadding: 1,
    groups: 2,
    dilation: [1, 2],
  }),
  "batch norm": new BatchNorm2d(4),
  "layer norm of the last axis": new LayerNorm(8, { eps: 1e-3 }),
  "layer norm of an image": new LayerNorm([4, 6, 8]),
  "layer norm without weights": (x) => layerNorm(x, [6, 8]),
  "layer norm of two axes": new (class extends Module {
    readonly norm = new LayerNorm(192);
    forward(x: Tensor): Tensor {
      return this.norm.forward(flatten(x, { startDim: 1 }));
    }
  })(),
  "linear of two axes": new (class extends Module {
    readonly fc = new Linear(192, 5);
    forward(x: Tensor): Tensor {
      return this.fc.forward(flatten(x, { startDim: 1 }));
    }
  })(),
  "linear of the last of four axes": new Linear(8, 5),
  "linear without bias": new Linear(8, 5, { bias: false }),
  "product of computed matrices": (x) => call("aten::matmul", x, transpose(x, 2, 3)),
  relu,
  "clamp from 0 is relu": (x) => clamp(x, { min: 0 }),
  "hardtanh as ReLU6": (x) => hardtanh(mul(x, 5), { min: 0, max: 6 }),
  "clamp with one bound": (x) => clamp(x, { max: 0.5 }),
  "clamp with two bounds": (x) => clamp(x, { min: -0.25, max: 0.5 }),
  "leaky ReLU": (x) => leakyRelu(x, { negativeSlope: 0.2 }),
  "PReLU of one slope": new PReLU(),
  "PReLU of a slope for each channel": new PReLU({ numParameters: 4, init: -0.5 }),
  "PReLU of two axes": new (class extends Module {
    readonly act = new PReLU({ numParameters: 192 });
    forward(x: Tensor): Tensor {
      return this.act.forward(flatten(x, { startDim: 1 }));
    }
  })(),
  sigmoid,
  hardsigmoid,
  "hard sigmoid that is a gate": (x) => mul(x, hardsigmoid(mean(x, { dim: [2, 3], keepdim: true }))),
  "squeeze-and-excitation": new (class extends Module {
    readonly squeeze = new Conv2d(4, 2, 1);
    readonly excite = new Conv2d(2, 4, 1);
    forward(x: Tensor): Tensor {
      const channels = this.squeeze.forward(adaptiveAvgPool2d(x, 1));
      return mul(x, sigmoid(this.excite.forward(relu(channels))));
    }
  })(),
  tanh,
  softplus,
  "elu with another alpha": (x) => elu(x, { alpha: 0.5 }),
  "absolute value, negation, exponential": (x) => exp(neg(abs(x))),
  "square root and powers": (x) => sqrt(add(pow(x, 2), pow(2, x))),
  "minimum and maximum": (x) => minimum(maximum(x, neg(x)), mean(x, { dim: 1, keepdim: true })),
  "softmax along the last axis": (x) => softmax(x, -1),
  "softmax along another axis": (x) => softmax(x, 1),
  "its logarithm": (x) => logSoftmax(x, 1),
  "sum of tensors that stretch": (x) => add(x, mean(x, { dim: [2, 3], keepdim: true })),
  "a scaled sum and difference": (x) => sub(add(x, sigmoid(x), { alpha: 2 }), relu(x), { alpha: 0.5 }),
  "a scaled number": (x) => add(x, 1.5, { alpha: 2 }),
  "a number added": (x) => add(x, 1.5),
  "a number taken away": (x) => sub(x, 2),
  "difference, product and quotient": (x) =>
    div(mul(sub(x, mean(x, { dim: 1, keepdim: true })), x), add(mul(x, x), 1)),
  "a number multiplied": (x) => mul(x, -0.25),
  "a constant made of constants": new (class extends Module {
    readonly scale = this.buffer("scale", tensor([1, 2, 3, 4]));
    forward(x: Tensor): Tensor {
      return mul(x, reshape(add(mul(this.scale, this.scale), 0.5), [4, 1, 1]));
    }
  })(),
  "max pooling": (x) => maxPool2d(x, [3, 2], { stride: [2, 1], padding: [1, 0], dilation: [1, 2] }),
  "max pooling rounded up": {
    compute: (x) => maxPool2d(x, 2, { stride: 2, ceilMode: true }),
    shape: [2, 5, 7],
  },
  "average pooling": (x) => avgPool2d(x, 3, { stride: 2, padding: 1 }),
  "average pooling without the padding": (x) =>
    avgPool2d(x, [3, 2], { stride: 1, padding: 1, countIncludePad: false }),
  "average pooling rounded up": {
    compute: (x) => avgPool2d(x, 3, { stride: 2, ceilMode: true }),
    shape: [2, 6, 8],
  },
  "average pooling rounded up, with the padding": {
    compute: (x) => avgPool2d(x, 3, { stride: 2, padding: 1, ceilMode: true }),
    shape: [2, 6, 8],
  },
  "average pooling rounded up, where a window would begin in the padding behind": {
    compute: (x) => avgPool2d(x, 3, { stride: 3, padding: 1, ceilMode: true }),
    shape: [2, 17, 8],
  },
  "max pooling of rows": (x) =>
    maxPool1d(flatten(x, { startDim: 2 }), 3, { stride: 2, padding: 1, dilation: 2, ceilMode: true }),
  "average pooling of rows": (x) => avgPool1d(flatten(x, { startDim: 2 }), 3, { stride: 2, padding: 1 }),
  "average of rows to any size": (x) => adaptiveAvgPool1d(flatten(x, { startDim: 2 }), 7),
  "average by windows that overlap evenly": {
    compute: (x) => adaptiveAvgPool2d(x, 3),
    shape: [2, 7, 9],
  },
  "average to sizes that do not divide": (x) => adaptiveAvgPool2d(x, [4, 5]),
  "average to a larger size": (x) => adaptiveAvgPool2d(x, [13, 7]),
  "global average": (x) => adaptiveAvgPool2d(x, 1),
  "average to a size that divides": (x) => adaptiveAvgPool2d(x, [3, 4]),
  "mean without the axes": (x) => mean(x, { dim: [2, -1] }),
  "mean with the axes": (x) => mean(x, { dim: -2, keepdim: true }),
  "sum of one axis": (x) => sum(x, { dim: 1 }),
  "largest of one axis": (x) => amax(x, { dim: 1 }),
  "largest of two axes, kept": (x) => amax(x, { dim: [2, 3], keepdim: true }),
  "sum of two axes, kept": (x) => sum(x, { dim: [1, 3], keepdim: true }),
  "flatten all but the batch": (x) => flatten(x, { startDim: 1 }),
  "flatten the image": (x) => flatten(x, { startDim: 2 }),
  "view with an axis left to find": (x) => view(x, [x.shape[0] as number, -1, 12]),
  permute: (x) => permute(x, [0, 2, 3, 1]),
  "transpose from the end": (x) => transpose(x, -1, 1),
  "parts of each image as images, and back": (x) =>
    reshape(softmax(reshape(x, [-1, 2, 6]), 1), [-1, ...x.shape.slice(1)]),
  "the batch moved and moved back": (x) => transpose(relu(transpose(x, 0, 1)), 0, 1),
  "unsqueeze and squeeze": (x) => squeeze(unsqueeze(unsqueeze(x, -1), 1), { dim: 1 }),
  "narrow and select": (x) => add(narrow(x, 1, 1, 2), unsqueeze(select(x, 1, -1), 1)),
  "slice with a step and from the end": (x) => slice(x, { dim: 2, start: -5, end: 100, step: 2 }),
  "cat along channels": (x) => cat([x, relu(x), x], { dim: 1 }),
  "cat along the last axis": (x) => cat([x, sigmoid(x)], { dim: -1 }),
  "split in parts of one length": (x) => cat([...split(x, 3, { dim: 2 })].reverse(), { dim: 2 }),
  "split in given lengths, one of them left out": (x) => {
    const [a, , c] = split(x, [1, 2, 1], { dim: 1 }) as [Tensor, Tensor, Tensor];
    return sub(a, c);
  },
  chunk: (x) => {
    const [a, b] = chunk(x, 2, { dim: 3 }) as [Tensor, Tensor];
    return mul(a, b);
  },
  "stack in the middle and at the end": (x) =>
    stack([stack([x, relu(x)], { dim: 2 }), stack([x, x], { dim: 2 })], { dim: -1 }),
  "a tensor repeated": (x) => expand(mean(x, { dim: [1, 3], keepdim: true }), x.shape),
  "pixel shuffle": (x) => pixelShuffle(x, 2),
  "pixel unshuffle": (x) => pixelUnshuffle(x, 2),
  "channel shuffle": (x) => channelShuffle(x, 2),
  "channel shuffle as an operator": (x) => call("aten::channel_shuffle", x, 2),
  "channel shuffle by reshape and transpose": (x) => {
    const [n = 0, c = 0, h = 0, w = 0] = x.shape;
    return reshape(transpose(reshape(x, [n, 2, c / 2, h, w]), 1, 2), [n, c, h, w]);
  },
  "padding with zeros": (x) => pad(x, [1, 2, 0, 3]),
  "padding with another number": (x) => pad(x, [1, 2, 0, 3], { value: -1.5 }),
  "padding that cuts off": (x) => pad(x, [-1, 2, 0, -3]),
  "padding by reflection": (x) => pad(x, [1, 2, 0, 3], { mode: "reflect" }),
  "padding with the edge": (x) => pad(x, [1, 2, 0, 3], { mode: "replicate" }),
  "nearest, larger and smaller": (x) => upsampleNearest2d(x, [15, 5]),
  "nearest by scale": (x) => call("aten::upsample_nearest2d.vec", x, null, [2, 3]),
  "nearest by a scale that does not come out even": (x) => interpolate(x, { scaleFactor: [1.4, 0.3] }),
  "nearest of rows": (x) => interpolate(flatten(x, { startDim: 2 }), { scaleFactor: 3 }),
  "linear of rows": (x) => interpolate(flatten(x, { startDim: 2 }), { size: 77, mode: "linear" }),
  "bilinear by a scale that does not come out even": (x) =>
    interpolate(x, { scaleFactor: [1.4, 0.3], mode: "bilinear" }),
  "between corners by a scale": (x) =>
    interpolate(x, { scaleFactor: 1.7, mode: "bilinear", alignCorners: true }),
  "bilinear, larger and smaller": (x) => upsampleBilinear2d(x, [15, 5]),
  "bilinear between corners": (x) => call("aten::upsample_bilinear2d", x, [11, 20], true),
  "bilinear of one pixel": (x) => upsampleBilinear2d(mean(x, { dim: [2, 3], keepdim: true }), [6, 8]),
};

/** Both answers to the same images. */
async function answers(model: Module, shape: readonly number[], { opset = 17, batch = 0, images = 3 }) {
  const { graph } = traceNetwork(model, shape);
  const file = join(folder, "operator.onnx");
  const fixed = batch > 0 ? fixBatch(graph, batch) : graph;
  await writeFile(file, encodeOnnx(fixed, { producerVersion: "0.0.0", opset }));
  const session = await openSession(file, { threads: 1 });
  try {
    const input = randn([images, ...shape]);
    const onnx = await session.run(input.toTypedArray() as Float32Array, input.shape);
    const torch = scope(() =>
      noGrad(() => {
        const output = model.forward(input);
        return { shape: output.shape, values: output.toTypedArray() as Float32Array };
      }),
    );
    return { onnx, torch, operators: (await readOnnx(file)).operators };
  } finally {
    await session.release();
  }
}

function assertSame({ onnx, torch }: Awaited<ReturnType<typeof answers>>, what: string): void {
  assert.deepEqual([...onnx.shape], [...torch.shape], what);
  const largest = torch.values.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  torch.values.forEach((value, i) => {
    const difference = Math.abs(value - (onnx.values[i] as number));
    assert.ok(difference <= 1e-5 * largest, `${what}: element ${i} is ${onnx.values[i]}, not ${value}`);
  });
}

describe("as ONNX, in every opset, for an open and for a fixed batch:", () => {
  for (const [name, network] of Object.entries(networks)) {
    const { compute, shape } =
      typeof network === "object" && "compute" in network
        ? { compute: network.compute as Compute, shape: network.shape as number[] }
        : { compute: network, shape: image };
    const model = compute instanceof Module ? compute.eval() : new FunctionNetwork(compute as Compute);
    test(name, async () => {
      for (const [i, opset] of opsets.entries())
        assertSame(await answers(model, shape, { opset, images: [7, 2, 1][i % 3] }), `opset ${opset}`);
      for (const opset of [11, 21])
        assertSame(await answers(model, shape, { opset, batch: 2, images: 5 }), `batch 2, opset ${opset}`);
    });
  }
});

test("squeeze without an axis leaves the batch, also where it is 1", async () => {
  const model = new FunctionNetwork((x) => squeeze(mean(x, { dim: [2], keepdim: true })));
  assertSame(await answers(model, image, {}), "three images");
  assert.deepEqual((await answers(model, image, { images: 1 })).onnx.shape, [1, 4, 8]);
});

test("clamp from 0 is written as Relu, ReLU6 as Clip", async () => {
  const written = async (compute: Compute) =>
    (await answers(new FunctionNetwork(compute), image, {})).operators;
  assert.deepEqual(await written((x) => clamp(x, { min: 0 })), { Relu: 1 });
  assert.deepEqual(await written((x) => hardtanh(x, { min: 0, max: 6 })), { Clip: 1 });
});

test("windows of one length and step are pooled, others a product", async () => {
  const written = async (compute: Compute, shape: number[]) =>
    (await answers(new FunctionNetwork(compute), shape, {})).operators;
  assert.deepEqual(await written((x) => adaptiveAvgPool2d(x, 3), [2, 7, 9]), { AveragePool: 1 });
  assert.deepEqual(await written((x) => adaptiveAvgPool2d(x, 3), [2, 7, 8]), { MatMul: 2 });
});

describe("of any size", () => {
  const size = fc.integer({ min: 1, max: 40 });
  const property = <T extends [unknown, ...unknown[]]>(
    arbitraries: { [K in keyof T]: fc.Arbitrary<T[K]> },
    check: (...values: T) => Promise<void>,
  ) =>
    fc.assert(fc.asyncProperty(...(arbitraries as [fc.Arbitrary<unknown>]), check as never), { numRuns: 40 });

  test("images are scaled bilinearly to exactly the size that was asked for", async () => {
    await property<[number, number, number, number]>([size, size, size, size], async (h, w, toH, toW) => {
      const model = new FunctionNetwork((x) => upsampleBilinear2d(x, [toH, toW]));
      assertSame(await answers(model, [2, h, w], {}), `${h}×${w} to ${toH}×${toW}`);
    });
  });

  test("nearest pixels are libtorch's, or there is no file: there is one for whole factors", async () => {
    await property<[number, number, number, number]>([size, size, size, size], async (h, w, toH, toW) => {
      const model = new FunctionNetwork((x) => upsampleNearest2d(x, [toH, toW]));
      const both = await answers(model, [2, h, w], {}).catch((error: Error) => {
        assert.match(error.message, /^Resize .*by nearest pixels: no scale in float32/);
        assert.ok(toH % h !== 0 || toW % w !== 0);
      });
      if (both) assertSame(both, `${h}×${w} to ${toH}×${toW}`);
    });
  });

  test("a scale gives the size that it was made for", () => {
    const sides = fc.integer({ min: 1, max: 5000 });
    fc.assert(
      fc.property(sides, sides, (from, to) => {
        assert.equal(Math.floor(Math.fround(from * scaleFor(from, to))), to);
      }),
    );
  });

  test("images are averaged to exactly the size that was asked for", async () => {
    await property<[number, number, number, number]>([size, size, size, size], async (h, w, toH, toW) => {
      const model = new FunctionNetwork((x) => adaptiveAvgPool2d(x, [toH, toW]));
      assertSame(await answers(model, [2, h, w], {}), `${h}×${w} to ${toH}×${toW}`);
    });
  });

  test("a scale gives libtorch's images, or there is no file: bilinearly there is one unless sizes round apart", async () => {
    const scale = fc.integer({ min: 1, max: 400 }).map((hundredths) => hundredths / 100);
    await property<[number, number, number, boolean]>(
      [size, scale, scale, fc.boolean()],
      async (length, scaleH, scaleW, isNearest) => {
        fc.pre(length * Math.min(scaleH, scaleW) >= 1);
        const mode = isNearest ? "nearest" : "bilinear";
        const model = new FunctionNetwork((x) => interpolate(x, { scaleFactor: [scaleH, scaleW], mode }));
        const both = await answers(model, [2, length, length], {}).catch((error: Error) => {
          assert.match(error.message, /round to other pixels|by nearest pixels|its result would be/);
        });
        if (both) assertSame(both, `${length} by ${scaleH}×${scaleW}`);
      },
    );
  });

  test("windows are pooled as libtorch does", async () => {
    const small = fc.integer({ min: 1, max: 4 });
    await property<[number, number, number, number, boolean, boolean, boolean]>(
      [size, small, small, fc.integer({ min: 0, max: 1 }), fc.boolean(), fc.boolean(), fc.boolean()],
      async (length, kernel, stride, padding, ceilMode, isMax, countIncludePad) => {
        fc.pre(length + 2 * padding >= kernel && 2 * padding <= kernel);
        const options = { stride, padding, ceilMode };
        const model = new FunctionNetwork((x) =>
          isMax ? maxPool2d(x, kernel, options) : avgPool2d(x, kernel, { ...options, countIncludePad }),
        );
        assertSame(await answers(model, [2, length, length + 3], {}), JSON.stringify(options));
      },
    );
  });
});

describe("a case with no words is opaque, and says why:", () => {
  const refused: [string, Compute, RegExp][] = [
    [
      "an arctangent",
      (x) => call("aten::atan", x),
      /^aten::atan has no mapping to ONNX; the mapped operators are aten::relu, /,
    ],
    [
      "the batch moved",
      (x) => reshape(transpose(x, 0, 1), [-1, 8]),
      /^aten::\w+ .* moves the batch dimension/,
    ],
    [
      "several of each sample, counted by hand",
      (x) => reshape(x, [4 * (x.shape[0] as number), -1]),
      /^aten::reshape .* moves the batch dimension/,
    ],
    [
      "the batch flattened",
      (x) => flatten(x, { startDim: 0, endDim: 1 }),
      /aten::flatten .* batch dimension/,
    ],
    ["batches joined", (x) => cat([x, x]), /^aten::cat .* joins batches/],
    ["the batch cut", (x) => narrow(x, 0, 0, 1), /^aten::narrow .* cuts the batch/],
    ["the mean of the batch", (x) => mean(x, { dim: 0 }), /^aten::mean .* runs over the batch/],
    ["the mean of everything", (x) => add(x, mean(x)), /^aten::mean .* runs over the batch/],
    [
      "padding by the other end",
      (x) => pad(x, [1, 1, 1, 1], { mode: "circular" }),
      /has no padding circular/,
    ],
    [
      "nearest pixels at a scale that doubles the size without being 2",
      (x) => interpolate(x, { scaleFactor: [2.01, 1] }),
      /^aten::upsample_nearest2d .* at its scale 2\.01×1 of \d+×\d+ runtimes round to other pixels/,
    ],
    [
      "a shape with the trace's batch in it",
      (x) => add(x, call("aten::expand", mean(x, { dim: [0], keepdim: true }), x.shape)),
      /aten::mean/,
    ],
  ];
  for (const [name, compute, message] of refused)
    test(name, () => {
      const { graph } = traceNetwork(new FunctionNetwork(compute), image);
      const reason = graph.nodes.find(({ opaque }) => opaque !== undefined)?.opaque?.reason ?? "";
      assert.match(reason, message);
      assert.throws(() => encodeOnnx(graph, { producerVersion: "0.0.0" }), { name: "PeaError", message });
    });
});

describe("what a later opset brings is refused in an earlier one:", () => {
  // libtorch's own, which `gelu` does not take everywhere.
  const gelu = (x: Tensor): Tensor => call("aten::gelu", x, "none");
  const late: [string, Compute, number, RegExp][] = [
    ["hard swish", hardswish, 13, /^HardSwish is none of ONNX's operators in opset 13, but from 14 on$/],
    ["Swish", silu, 17, /^Swish .* in opset 17, but from 24 on$/],
    ["Mish", mish, 17, /^Mish .* in opset 17, but from 18 on$/],
    ["GELU", gelu, 19, /^Gelu .* in opset 19, but from 20 on$/],
  ];
  for (const [name, compute, opset, message] of late)
    test(name, () => {
      const { graph } = traceNetwork(new FunctionNetwork(compute), image);
      assert.throws(() => encodeOnnx(graph, { producerVersion: "0.0.0", opset }), {
        name: "PeaError",
        message,
      });
    });

  test("and written in that one", async () => {
    for (const [compute, opset] of [
      [hardswish, 14],
      [mish, 18],
      [gelu, 20],
    ] as const)
      assertSame(await answers(new FunctionNetwork(compute), image, { opset }), `opset ${opset}`);
  });
});

test("an opset that is not written is refused with those that are", () => {
  const { graph } = traceNetwork(new FunctionNetwork(relu), image);
  assert.throws(() => encodeOnnx(graph, { producerVersion: "0.0.0", opset: 10 }), {
    kind: "usage",
    message: "opset is 10, but must be one of 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21",
  });
});
