import assert from "node:assert/strict";
import { test } from "node:test";
import * as t from "@pea/torch";
import { oracleCase, testAgainstPython } from "./oracle.ts";

const unary = Object.entries({
  "torch.neg": t.neg,
  "torch.abs": t.abs,
  "torch.exp": t.exp,
  "torch.sigmoid": t.sigmoid,
  "torch.tanh": t.tanh,
  "F.relu": t.relu,
  "F.gelu": t.gelu,
  "F.silu": t.silu,
  "F.mish": t.mish,
  "F.elu": t.elu,
  "F.softplus": t.softplus,
  "F.hardsigmoid": t.hardsigmoid,
  "F.hardswish": t.hardswish,
}).map(([python, run]) =>
  oracleCase({
    name: run.name,
    inputs: { x: [3, 50] },
    python: `${python}(5 * x)`,
    run: ({ x }) => run(t.mul(x, 5)),
  }),
);

testAgainstPython([
  ...unary,
  oracleCase({
    name: "add, sub, mul, div broadcast and take numbers",
    inputs: { x: [4, 1, 3], y: [2, 3] },
    python: "[torch.add(x, y, alpha=2), x - y, x * y, x / y, x + 1.5, x - 2, x * 3, x / 4]",
    run: ({ x, y }) => [
      t.add(x, y, { alpha: 2 }),
      t.sub(x, y),
      t.mul(x, y),
      t.div(x, y),
      t.add(x, 1.5),
      t.sub(x, 2),
      t.mul(x, 3),
      t.div(x, 4),
    ],
  }),
  oracleCase({
    name: "div rounds where told",
    inputs: { x: [20], y: [20] },
    python: "[torch.div(x, y, rounding_mode='floor'), torch.div(x, 0.3, rounding_mode='trunc')]",
    run: ({ x, y }) => [t.div(x, y, { roundingMode: "floor" }), t.div(x, 0.3, { roundingMode: "trunc" })],
  }),
  oracleCase({
    name: "log, sqrt, pow",
    inputs: { x: [20], y: [20] },
    python: "p = x.abs() + 0.1; output = [torch.log(p), torch.sqrt(p), p ** y, p ** 2.5, 2 ** y]",
    run: ({ x, y }) => {
      const p = t.add(t.abs(x), 0.1);
      return [t.log(p), t.sqrt(p), t.pow(p, y), t.pow(p, 2.5), t.pow(2, y)];
    },
  }),
  oracleCase({
    name: "clamp, minimum, maximum, hardtanh",
    inputs: { x: [30], y: [30] },
    python:
      "[x.clamp(-0.5, 0.7), x.clamp(min=0.1), torch.minimum(x, y), torch.maximum(x, y), F.relu6(5 * x), F.hardtanh(x)]",
    run: ({ x, y }) => [
      t.clamp(x, { min: -0.5, max: 0.7 }),
      t.clamp(x, { min: 0.1 }),
      t.minimum(x, y),
      t.maximum(x, y),
      t.hardtanh(t.mul(x, 5), { min: 0, max: 6 }),
      t.hardtanh(x),
    ],
  }),
  oracleCase({
    // In float32 alone: libtorch has no other.
    name: "fakeQuantize, fakeQuantizePerChannel",
    inputs: { x: [3, 40] },
    python: `x = x.float(); output = [torch.fake_quantize_per_tensor_affine(x, 0.02, 3, -128, 127),
              torch.fake_quantize_per_tensor_affine(x, 0.1, 2, 0, 15),
              torch.fake_quantize_per_channel_affine(x, torch.tensor([0.1, 0.02, 0.01]).float(), torch.zeros(3).int(), 0, -127, 127)]`,
    run: ({ x }) => {
      const floats = t.cast(x, { dtype: "float32" });
      const scales = t.tensor([0.1, 0.02, 0.01]);
      return [
        t.fakeQuantize(floats, 0.02, 3),
        t.fakeQuantize(floats, 0.1, 2, { min: 0, max: 15 }),
        t.fakeQuantizePerChannel(floats, scales, t.zeros([3], { dtype: "int32" }), { min: -127 }),
      ];
    },
  }),
  oracleCase({
    // What lies between the bounds is rounded with the gradient 1, and the scale's gradient is multiplied by 0.25.
    name: "fakeQuantizeLearned",
    precisions: ["float32"],
    inputs: { x: [3, 40], s: [1] },
    python: `x, s = x.float(), (0.01 + 0.002 * s).float(); factored = 0.25 * s + (0.75 * s).detach()
def rounded(low, high):
    v = x / factored
    straight = v + (v.round() - v).detach()
    within = (v.round() >= low) & (v.round() <= high)
    return torch.where(within, straight, v.detach().clamp(low, high)) * factored
output = [rounded(-100, 155), rounded(0, 255), rounded(-127, 127)]`,
    run: ({ x, s }) => {
      const floats = t.cast(x, { dtype: "float32" });
      const scale = t.cast(t.add(t.mul(s, 0.002), 0.01), { dtype: "float32" });
      const learned = (zeroPoint: number, bounds: t.FakeQuantizeOptions = {}) =>
        t.fakeQuantizeLearned(floats, scale, zeroPoint, { ...bounds, gradientFactor: 0.25 });
      return [learned(-28), learned(-128), learned(0, { min: -127 })];
    },
  }),
  oracleCase({
    name: "leakyRelu, prelu",
    inputs: { x: [2, 3, 4], w: [3], v: [1] },
    python: "[F.leaky_relu(x), F.leaky_relu(x, 0.3), F.prelu(x, w), F.prelu(x, v)]",
    run: ({ x, w, v }) => [
      t.leakyRelu(x),
      t.leakyRelu(x, { negativeSlope: 0.3 }),
      t.prelu(x, w),
      t.prelu(x, v),
    ],
  }),
  oracleCase({
    name: "layerNorm",
    inputs: { x: [2, 3, 4], w: [3, 4], b: [3, 4] },
    python: "[F.layer_norm(x, (4,)), F.layer_norm(x, (3, 4), w, b, eps=0.1)]",
    run: ({ x, w, b }) => [t.layerNorm(x, [4]), t.layerNorm(x, [3, 4], { weight: w, bias: b, eps: 0.1 })],
  }),
  oracleCase({
    name: "pooling of rows",
    inputs: { x: [2, 3, 11] },
    python: `[F.max_pool1d(x, 3), F.max_pool1d(x, 3, 2, 1, 2, ceil_mode=True), F.avg_pool1d(x, 3),
              F.avg_pool1d(x, 3, 2, 1, True, False), F.adaptive_avg_pool1d(x, 4)]`,
    run: ({ x }) => [
      t.maxPool1d(x, 3),
      t.maxPool1d(x, 3, { stride: 2, padding: 1, dilation: 2, ceilMode: true }),
      t.avgPool1d(x, 3),
      t.avgPool1d(x, 3, { stride: 2, padding: 1, ceilMode: true, countIncludePad: false }),
      t.adaptiveAvgPool1d(x, 4),
    ],
  }),
  oracleCase({
    name: "interpolate",
    inputs: { x: [2, 3, 4, 5], y: [2, 3, 5] },
    python: `[F.interpolate(x, 7), F.interpolate(x, scale_factor=(2, 1.5)),
              F.interpolate(x, (7, 3), mode="bilinear", align_corners=True),
              F.interpolate(x, scale_factor=2, mode="bilinear"), F.interpolate(y, 7),
              F.interpolate(y, scale_factor=1.7, mode="linear")]`,
    run: ({ x, y }) => [
      t.interpolate(x, { size: 7 }),
      t.interpolate(x, { scaleFactor: [2, 1.5] }),
      t.interpolate(x, { size: [7, 3], mode: "bilinear", alignCorners: true }),
      t.interpolate(x, { scaleFactor: 2, mode: "bilinear" }),
      t.interpolate(y, { size: 7 }),
      t.interpolate(y, { scaleFactor: 1.7, mode: "linear" }),
    ],
  }),
  oracleCase({
    name: "chunk, channelShuffle, pixelShuffle, pixelUnshuffle",
    inputs: { x: [2, 4, 4, 6] },
    python: `[*x.chunk(2), *x.chunk(4, 3), F.channel_shuffle(x.detach(), 2),
              x.view(2, 2, 2, 4, 6).transpose(1, 2).reshape(x.shape), F.pixel_shuffle(x, 2),
              F.pixel_unshuffle(x, 2)]`,
    run: ({ x }) => [
      ...t.chunk(x, 2),
      ...t.chunk(x, 4, { dim: 3 }),
      t.channelShuffle(t.detach(x), 2),
      t.channelShuffle(x, 2),
      t.pixelShuffle(x, 2),
      t.pixelUnshuffle(x, 2),
    ],
  }),
  oracleCase({
    name: "convTranspose1d",
    inputs: { x: [2, 4, 5], w: [4, 3, 3], b: [6] },
    python: "F.conv_transpose1d(x, w, b, 2, 1, 1, 2, 2)",
    run: ({ x, w, b }) =>
      t.convTranspose1d(x, w, { bias: b, stride: 2, padding: 1, outputPadding: 1, groups: 2, dilation: 2 }),
  }),
  oracleCase({
    name: "comparisons and where",
    inputs: { x: [30], y: [30], i: { shape: [30], classes: 3 } },
    python: `[torch.where(x > y, x, y), torch.where(x <= 0.2, x, -1.0), torch.where(x < y, 2.0, y),
              i == 1, i != 1, x >= y, (i > 0) & (x < 0), torch.logical_or(i < 1, i >= 2), torch.logical_not(i)]`,
    run: ({ x, y, i }) => [
      t.where(t.gt(x, y), x, y),
      t.where(t.le(x, 0.2), x, -1),
      t.where(t.lt(x, y), 2, y),
      t.eq(i, 1),
      t.ne(i, 1),
      t.ge(x, y),
      t.logicalAnd(t.gt(i, 0), t.lt(x, 0)),
      t.logicalOr(t.lt(i, 1), t.ge(i, 2)),
      t.logicalNot(i),
    ],
  }),
  oracleCase({
    name: "bits",
    inputs: { i: { shape: [30], classes: 1000 }, j: { shape: [30], classes: 7 } },
    python: "[i & j, i | 5, i ^ j, ~i, i << j, i >> 2]",
    run: ({ i, j }) => [
      t.bitwiseAnd(i, j),
      t.bitwiseOr(i, 5),
      t.bitwiseXor(i, j),
      t.bitwiseNot(i),
      t.bitwiseLeftShift(i, j),
      t.bitwiseRightShift(i, 2),
    ],
  }),
  oracleCase({
    name: "sum, mean, variance, amax, amin",
    inputs: { x: [3, 4, 5] },
    python: `[x.sum(), x.sum((0, 2)), x.mean(1, keepdim=True), x.mean(), x.var(), x.var((0, 2), unbiased=False),
              x.amax((1, 2)), x.amin(0)]`,
    run: ({ x }) => [
      t.sum(x),
      t.sum(x, { dim: [0, 2] }),
      t.mean(x, { dim: 1, keepdim: true }),
      t.mean(x),
      t.variance(x),
      t.variance(x, { dim: [0, 2], correction: 0 }),
      t.amax(x, { dim: [1, 2] }),
      t.amin(x, { dim: 0 }),
    ],
  }),
  oracleCase({
    name: "argmax, topk",
    inputs: { x: [6, 10] },
    python: "[x.argmax(), x.argmax(1), *x.topk(3), *x.topk(2, dim=0, largest=False)]",
    run: ({ x }) => {
      const top = t.topk(x, 3);
      const bottom = t.topk(x, 2, { dim: 0, largest: false });
      return [t.argmax(x), t.argmax(x, { dim: 1 }), top.values, top.indices, bottom.values, bottom.indices];
    },
  }),
  oracleCase({
    name: "softmax, logSoftmax",
    inputs: { x: [4, 7] },
    python: "[(30 * x).softmax(1), (30 * x).log_softmax(0)]",
    run: ({ x }) => [t.softmax(t.mul(x, 30), 1), t.logSoftmax(t.mul(x, 30), 0)],
  }),
  oracleCase({
    name: "matmul, mm, addmm, linear",
    inputs: { x: [2, 4, 5], a: [5, 3], b: [3, 5], c: [5] },
    python: "[x @ a, a @ b, torch.addmm(c, a, b, beta=0.5, alpha=2), F.linear(x, b), F.linear(x, a @ b, c)]",
    run: ({ x, a, b, c }) => [
      t.matmul(x, a),
      t.mm(a, b),
      t.addmm(c, a, b, { beta: 0.5, alpha: 2 }),
      t.linear(x, b),
      t.linear(x, t.mm(a, b), { bias: c }),
    ],
  }),
  oracleCase({
    name: "conv1d, conv2d",
    inputs: { x: [2, 4, 9, 11], w: [6, 2, 3, 3], b: [6], s: [2, 4, 12], v: [5, 4, 3] },
    python: `[F.conv2d(x, w, b, stride=2, padding=(1, 2), dilation=(1, 2), groups=2), F.conv2d(x, w, groups=2),
              F.conv2d(F.pad(x, (0, 1, 2, 3)), w, b, stride=2, groups=2),
              F.conv1d(s, v, stride=2, padding=1)]`,
    run: ({ x, w, b, s, v }) => [
      t.conv2d(x, w, { bias: b, stride: 2, padding: [1, 2], dilation: [1, 2], groups: 2 }),
      t.conv2d(x, w, { groups: 2 }),
      t.conv2d(x, w, { bias: b, stride: 2, padding: [0, 1, 2, 3], groups: 2 }),
      t.conv1d(s, v, { stride: 2, padding: 1 }),
    ],
  }),
  oracleCase({
    name: "convTranspose2d",
    inputs: { x: [2, 4, 5, 6], w: [4, 3, 3, 3], b: [3] },
    python: "F.conv_transpose2d(x, w, b, stride=2, padding=1, output_padding=1)",
    run: ({ x, w, b }) => t.convTranspose2d(x, w, { bias: b, stride: 2, padding: 1, outputPadding: 1 }),
  }),
  oracleCase({
    name: "pooling",
    inputs: { x: [2, 3, 9, 10] },
    python: `[F.max_pool2d(x, 3, 2, 1), F.max_pool2d(x, (2, 3), dilation=2, ceil_mode=True), F.avg_pool2d(x, 2),
              F.avg_pool2d(x, 3, 2, 1, count_include_pad=False), F.adaptive_avg_pool2d(x, 1),
              F.adaptive_avg_pool2d(x, (4, 3))]`,
    run: ({ x }) => [
      t.maxPool2d(x, 3, { stride: 2, padding: 1 }),
      t.maxPool2d(x, [2, 3], { dilation: 2, ceilMode: true }),
      t.avgPool2d(x, 2),
      t.avgPool2d(x, 3, { stride: 2, padding: 1, countIncludePad: false }),
      t.adaptiveAvgPool2d(x, 1),
      t.adaptiveAvgPool2d(x, [4, 3]),
    ],
  }),
  oracleCase({
    name: "upsampleBilinear2d, upsampleNearest2d",
    inputs: { x: [2, 3, 4, 5] },
    python: `[F.interpolate(x, (9, 7), mode="bilinear"), F.interpolate(x, (4, 5), mode="bilinear"),
  F.interpolate(x, (9, 3), mode="nearest")]`,
    run: ({ x }) => [
      t.upsampleBilinear2d(x, [9, 7]),
      t.upsampleBilinear2d(x, [4, 5]),
      t.upsampleNearest2d(x, [9, 3]),
    ],
  }),
  oracleCase({
    name: "batchNorm in training and inference",
    inputs: { x: [4, 3, 5, 5], w: [3], b: [3], m: [3], v: [3] },
    python: `r, s = m.detach().clone(), v.detach().abs() + 0.5
output = [F.batch_norm(x, r, s, w, b, True, 0.2, 1e-3), F.batch_norm(x, r, s, w, b, False, 0.2, 1e-3), r, s]`,
    run: ({ x, w, b, m, v }) => {
      const runningMean = t.clone(t.detach(m));
      const runningVar = t.add(t.abs(t.detach(v)), 0.5);
      const options = { weight: w, bias: b, runningMean, runningVar, momentum: 0.2, eps: 1e-3 };
      return [
        t.batchNorm(x, { ...options, training: true }),
        t.batchNorm(x, options),
        runningMean,
        runningVar,
      ];
    },
  }),
  oracleCase({
    name: "views and reshapes",
    inputs: { x: [2, 3, 4], y: [1, 3, 1] },
    python: `[x.reshape(4, -1), x.view(6, 4), x.permute(2, 0, 1), x.transpose(0, 2), x.flatten(), x.flatten(1),
              y.squeeze(), y.squeeze(0), x.unsqueeze(1), y.expand(2, -1, 4), x.narrow(2, 1, 2), x.select(1, 2),
              x[:, :, 1:4:2], x[:, 1:], x.flip(0, 2)]`,
    run: ({ x, y }) => [
      t.reshape(x, [4, -1]),
      t.view(x, [6, 4]),
      t.permute(x, [2, 0, 1]),
      t.transpose(x, 0, 2),
      t.flatten(x),
      t.flatten(x, { startDim: 1 }),
      t.squeeze(y),
      t.squeeze(y, { dim: 0 }),
      t.unsqueeze(x, 1),
      t.expand(y, [2, -1, 4]),
      t.narrow(x, 2, 1, 2),
      t.select(x, 1, 2),
      t.slice(x, { dim: 2, start: 1, end: 4, step: 2 }),
      t.slice(x, { dim: 1, start: 1 }),
      t.flip(x, [0, 2]),
    ],
  }),
  oracleCase({
    name: "cat, stack, split, pad",
    inputs: { x: [2, 5], y: [2, 5] },
    python: `[torch.cat([x, y]), torch.cat([x, y], 1), torch.stack([x, y], 2), *x.split(2, 1), *x.split([1, 4], 1),
              F.pad(x, (1, 2, 3, 0), value=0.5), F.pad(x[None], (2, 1), mode="reflect")]`,
    run: ({ x, y }) => [
      t.cat([x, y]),
      t.cat([x, y], { dim: 1 }),
      t.stack([x, y], { dim: 2 }),
      ...t.split(x, 2, { dim: 1 }),
      ...t.split(x, [1, 4], { dim: 1 }),
      t.pad(x, [1, 2, 3, 0], { value: 0.5 }),
      t.pad(t.unsqueeze(x, 0), [2, 1], { mode: "reflect" }),
    ],
  }),
  oracleCase({
    name: "indexSelect, gather, index",
    inputs: { x: [5, 4], i: { shape: [3], classes: 4 }, j: { shape: [5, 2], classes: 4 } },
    python: "[x.index_select(1, i), x.gather(1, j), x[i], x[:, i], x[i, i], x[x > 0]]",
    run: ({ x, i, j }) => [
      t.indexSelect(x, 1, i),
      t.gather(x, 1, j),
      t.index(x, [i]),
      t.index(x, [null, i]),
      t.index(x, [i, i]),
      t.index(x, [t.gt(x, 0)]),
    ],
  }),
  oracleCase({
    name: "operators in place, and over lists",
    inputs: { x: [6], y: [6] },
    python: `a = x.detach().clone(); a.add_(y.detach(), alpha=2); a.mul_(3); a.add_(1); a.clamp_(-2, 2)
b = y.detach().clone(); b.copy_(a[:1]); c = torch.full_like(x, 2.5).detach()
output = [a, b, c, torch.zeros(6), a + 0.5 * c, b * 3 + a]`,
    run: ({ x, y }) => {
      const a = t.clone(t.detach(x));
      t.addInPlace(a, t.detach(y), { alpha: 2 });
      t.mulInPlace(a, 3);
      t.addInPlace(a, 1);
      t.clampInPlace(a, { min: -2, max: 2 });
      const b = t.copyInPlace(t.clone(t.detach(y)), t.slice(a, { end: 1 }));
      const c = t.fillInPlace(t.clone(t.detach(x)), 2.5);
      const d = t.zeroInPlace(t.clone(a));
      const e = t.foreachAdd([a], [c], { alpha: 0.5 })[0] as t.Tensor;
      const f = t.clone(b);
      t.foreachMulInPlace([f], 3);
      t.foreachAddInPlace([f], [a]);
      const zeroed = t.clone(c);
      t.foreachZeroInPlace([zeroed]);
      assert.deepEqual(zeroed.toNestedArray(), [0, 0, 0, 0, 0, 0]);
      return [a, b, c, d, e, f];
    },
  }),
]);

test("integers stay integers under whole numbers and become floats under fractions", () => {
  const i = t.tensor([5, 7], { dtype: "int64" });
  assert.equal(t.add(i, 2).dtype, "int64");
  assert.equal(t.mul(i, 0.5).dtype, "float32");
  assert.equal(t.div(i, 2).dtype, "float32");
  assert.equal(t.div(i, 2, { roundingMode: "floor" }).dtype, "int64");
  assert.equal(t.sum(t.tensor([1, 2], { dtype: "uint8" })).dtype, "int64");
  assert.equal(t.mean(i, { dtype: "float64" }).item(), 6);
});

test("cast changes what it is told and nothing else", () => {
  const x = t.randn([2, 3, 4, 5]);
  assert.ok(t.cast(x, { dtype: "float32" }).isSame(x));
  assert.equal(t.cast(x, { dtype: "bfloat16" }).dtype, "bfloat16");
  const last = t.cast(x, { memoryFormat: "channels_last" });
  assert.deepEqual(last.strides, [60, 1, 15, 3]);
  assert.deepEqual(last.toNestedArray(), x.toNestedArray());
  assert.deepEqual(t.cast(last, { dtype: "float64" }).strides, last.strides);
  assert.deepEqual(t.contiguous(last).strides, x.strides);
  assert.deepEqual(t.clone(last).strides, last.strides);
});

test("zerosLike, onesLike and fullLike follow their tensor", () => {
  const x = t.contiguous(t.randn([1, 2, 2, 2], { dtype: "float64" }), { memoryFormat: "channels_last" });
  const like = t.onesLike(x);
  assert.deepEqual([like.shape, like.dtype, like.strides], [x.shape, "float64", x.strides]);
  assert.equal(t.zerosLike(x, { dtype: "int64" }).dtype, "int64");
  assert.deepEqual(t.fullLike(t.zeros([2]), 7).toNestedArray(), [7, 7]);
});

test("dropout zeroes at its rate, scales the rest, and does nothing outside of training", () => {
  t.manualSeed(0);
  const x = t.ones([100_000]);
  const dropped = t.dropout(x, 0.25);
  const kept = t.mean(t.cast(t.ne(dropped, 0), { dtype: "float32" })).item();
  assert.ok(Math.abs(kept - 0.75) < 0.01, `kept ${kept}`);
  assert.ok(Math.abs(t.amax(dropped).item() - 1 / 0.75) < 1e-6);
  assert.deepEqual(t.dropout(t.ones([3]), 0.9, { training: false }).toNestedArray(), [1, 1, 1]);
  const perChannel = t.variance(t.featureDropout(t.ones([8, 8, 4, 4]), 0.5), { dim: [2, 3] });
  assert.equal(t.amax(perChannel).item(), 0, "a channel is dropped as a whole");
});

test("errors name the operator and the shapes", () => {
  const check = (body: () => unknown, ...parts: RegExp[]) =>
    assert.throws(body, (error) => {
      assert.ok(error instanceof t.TorchError);
      for (const part of parts) assert.match(error.message, part);
      return true;
    });
  check(() => t.add(t.zeros([2, 3]), t.zeros([4])), /aten::add/, /2, 3/, /4/);
  check(() => t.mm(t.zeros([2, 3]), t.zeros([2, 3])), /aten::mm/, /2, 3/);
  check(() => t.conv2d(t.zeros([1, 3, 8, 8]), t.zeros([4, 2, 3, 3])), /aten::conv2d/);
  check(() => t.reshape(t.zeros([6]), [4, -1]), /aten::reshape/);
  check(() => t.sum(t.zeros([2]), { dim: 5 }), /aten::sum/);
  check(() => t.indexSelect(t.zeros([3]), 0, t.tensor([9], { dtype: "int64" })), /index_select/);
  check(() => t.cast(t.zeros([1]), { dtype: "float7" as never }), /float7/);
  for (const training of [true, false]) {
    const statistics = { runningMean: t.zeros([1]), runningVar: t.ones([1]), training };
    check(
      () => t.batchNorm(t.zeros([2, 3, 4, 4]), statistics),
      /aten::batch_norm/,
      /should contain 3 elements not 1/,
    );
  }
});

test("interpolate wants one size and a mode that fits the axes", () => {
  const x = t.zeros([1, 2, 3, 4]);
  for (const options of [{}, { size: 2, scaleFactor: 2 }])
    assert.throws(() => t.interpolate(x, options), /takes one of size and scaleFactor/);
  assert.throws(() => t.interpolate(x, { size: 2, mode: "linear" }), {
    name: "TorchError",
    message: /no mode linear for a tensor of shape \[1, 2, 3, 4\]: .* \[N, C, H, W\] nearest and bilinear/,
  });
});

test("channelShuffle keeps channels_last, and names groups that do not fit", () => {
  const x = t.randn([2, 6, 3, 4]);
  const shuffled = t.channelShuffle(t.contiguous(x, { memoryFormat: "channels_last" }), 3);
  assert.ok(shuffled.isContiguous("channels_last"));
  assert.deepEqual(shuffled.toNestedArray(), t.channelShuffle(x, 3).toNestedArray());
  const gradients = (["contiguous", "channels_last"] as const).map((memoryFormat) => {
    const leaf = t.contiguous(t.detach(x), { memoryFormat });
    leaf.requiresGrad = true;
    const y = t.channelShuffle(leaf, 3);
    const weights = t.reshape(t.arange(0, y.numel), y.shape);
    return (t.grad([t.sum(t.mul(y, weights))], [leaf])[0] as t.Tensor).toNestedArray();
  });
  assert.deepEqual(gradients[1], gradients[0]);
  assert.throws(() => t.channelShuffle(x, 4), /from 4 groups, which do not divide 6 channels/);
});
