import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import * as t from "@pea/torch";

const x = t.ones([1, 2, 4, 4]);
const w = t.ones([2, 2, 1, 1]);
const row = t.ones([1, 4]);
const rows = t.ones([1, 2, 4]);
const square = t.ones([4, 4]);
const classes = t.zeros([1], { dtype: "int64" });
const layer = new t.Linear(2, 2);

/** Every function with options, called with all but them. */
const functions: Record<string, (options: never) => unknown> = {
  add: (o) => t.add(x, x, o),
  addInPlace: (o) => t.addInPlace(x, x, o),
  addmm: (o) => t.addmm(square, square, square, o),
  amax: (o) => t.amax(x, o),
  amin: (o) => t.amin(x, o),
  arange: (o) => t.arange(0, 4, 1, o),
  argmax: (o) => t.argmax(x, o),
  avgPool1d: (o) => t.avgPool1d(rows, 2, o),
  avgPool2d: (o) => t.avgPool2d(x, 2, o),
  backward: (o) => t.backward(t.sum(layer.weight), o),
  batchNorm: (o) => t.batchNorm(x, o),
  cast: (o) => t.cast(x, o),
  cat: (o) => t.cat([x, x], o),
  chunk: (o) => t.chunk(x, 2, o),
  clamp: (o) => t.clamp(x, o),
  clampInPlace: (o) => t.clampInPlace(x, o),
  clone: (o) => t.clone(x, o),
  contiguous: (o) => t.contiguous(x, o),
  conv1d: (o) => t.conv1d(t.ones([1, 2, 4]), t.ones([2, 2, 1]), o),
  conv2d: (o) => t.conv2d(x, w, o),
  convTranspose1d: (o) => t.convTranspose1d(rows, t.ones([2, 2, 1]), o),
  convTranspose2d: (o) => t.convTranspose2d(x, w, o),
  crossEntropyLoss: (o) => t.crossEntropyLoss(row, classes, o),
  div: (o) => t.div(x, x, o),
  dropout: (o) => t.dropout(x, 0.5, o),
  elu: (o) => t.elu(x, o),
  empty: (o) => t.empty([2], o),
  fakeQuantize: (o) => t.fakeQuantize(x, 0.1, 0, o),
  fakeQuantizeLearned: (o) => t.fakeQuantizeLearned(x, t.ones([1]), 0, o),
  fakeQuantizePerChannel: (o) =>
    t.fakeQuantizePerChannel(x, t.ones([1]), t.zeros([1], { dtype: "int32" }), o),
  featureDropout: (o) => t.featureDropout(x, 0.5, o),
  flatten: (o) => t.flatten(x, o),
  foreachAdd: (o) => t.foreachAdd([x], [x], o),
  foreachAddInPlace: (o) => t.foreachAddInPlace([x], [x], o),
  foreachAddcdivInPlace: (o) => t.foreachAddcdivInPlace([x], [x], [x], o),
  foreachAddcmulInPlace: (o) => t.foreachAddcmulInPlace([x], [x], [x], o),
  full: (o) => t.full([2], 1, o),
  fullLike: (o) => t.fullLike(x, 1, o),
  gelu: (o) => t.gelu(x, o),
  grad: (o) => t.grad([t.sum(layer.weight)], [layer.weight], o),
  hardtanh: (o) => t.hardtanh(x, o),
  interpolate: (o) => t.interpolate(x, o),
  layerNorm: (o) => t.layerNorm(row, [4], o),
  leakyRelu: (o) => t.leakyRelu(x, o),
  linear: (o) => t.linear(row, square, o),
  logSoftmax: (o) => t.logSoftmax(x, 1, o),
  maxPool1d: (o) => t.maxPool1d(rows, 2, o),
  maxPool2d: (o) => t.maxPool2d(x, 2, o),
  mean: (o) => t.mean(x, o),
  mseLoss: (o) => t.mseLoss(x, x, o),
  nllLoss: (o) => t.nllLoss(row, classes, o),
  normalInPlace: (o) => t.normalInPlace(t.zeros([2]), o),
  ones: (o) => t.ones([2], o),
  onesLike: (o) => t.onesLike(x, o),
  pad: (o) => t.pad(x, [1, 1], o),
  rand: (o) => t.rand([2], o),
  randn: (o) => t.randn([2], o),
  randperm: (o) => t.randperm(2, o),
  slice: (o) => t.slice(x, o),
  softmax: (o) => t.softmax(x, 1, o),
  split: (o) => t.split(x, 1, o),
  squeeze: (o) => t.squeeze(x, o),
  stack: (o) => t.stack([x, x], o),
  sub: (o) => t.sub(x, x, o),
  sum: (o) => t.sum(x, o),
  tensor: (o) => t.tensor([1, 2], o),
  topk: (o) => t.topk(x, 1, o),
  uniformInPlace: (o) => t.uniformInPlace(t.zeros([2]), o),
  variance: (o) => t.variance(x, o),
  zeros: (o) => t.zeros([2], o),
  zerosLike: (o) => t.zerosLike(x, o),
};

/** Layers, optimizers and what else takes options. */
const others: Record<string, (options: never) => unknown> = {
  AvgPool1d: (o) => new t.AvgPool1d(2, o),
  AvgPool2d: (o) => new t.AvgPool2d(2, o),
  BatchNorm1d: (o) => new t.BatchNorm1d(2, o),
  BatchNorm2d: (o) => new t.BatchNorm2d(2, o),
  BatchNormAct2d: (o) => new t.BatchNormAct2d(2, o),
  Conv1d: (o) => new t.Conv1d(2, 2, 1, o),
  Conv2d: (o) => new t.Conv2d(2, 2, 1, o),
  ConvTranspose1d: (o) => new t.ConvTranspose1d(2, 2, 1, o),
  ConvTranspose2d: (o) => new t.ConvTranspose2d(2, 2, 1, o),
  GELU: (o) => new t.GELU(o),
  Hardtanh: (o) => new t.Hardtanh(o),
  LayerNorm: (o) => new t.LayerNorm(2, o),
  LeakyReLU: (o) => new t.LeakyReLU(o),
  Linear: (o) => new t.Linear(2, 2, o),
  MaxPool1d: (o) => new t.MaxPool1d(2, o),
  PReLU: (o) => new t.PReLU(o),
  MaxPool2d: (o) => new t.MaxPool2d(2, o),
  RAdam: (o) => new t.RAdam(layer.parameters(), o),
  SGD: (o) => new t.SGD(layer.parameters(), o),
  heTruncatedNormal: (o) => t.init.heTruncatedNormal(t.zeros([2, 2]), o),
  layerDefault: (o) => t.init.layerDefault(t.zeros([2, 2]), o),
  Upsample: (o) => new t.Upsample(o),
  "module.loadStateDict": (o) => layer.loadStateDict(layer.stateDict(), o),
  "module.to": (o) => layer.to(o),
};

test("the functions below are all that take options", () => {
  const source = new URL("../src/", import.meta.url);
  const files = [
    ...readdirSync(new URL("ops/", source)).map((file) => `ops/${file}`),
    "create.ts",
    "autograd.ts",
  ];
  const found = files.flatMap((file) => {
    const declarations = readFileSync(new URL(file, source), "utf8").matchAll(
      /^export function (\w+)(?:<\w+>)?\(([\s\S]*?)\): .*\{$/gm,
    );
    return [...declarations]
      .filter(([, , parameters = ""]) => /options: |\{/.test(parameters))
      .map(([, name]) => name);
  });
  assert.deepEqual(found.toSorted(), Object.keys(functions).toSorted());
});

for (const [name, call] of Object.entries({ ...functions, ...others })) {
  describe(name, () => {
    for (const [kind, value] of Object.entries({
      "a number": 1,
      "a word": "sum",
      "a list": [1],
      null: null,
      "a tensor": x,
    }))
      test(`given ${kind} for its options says how it is to be called`, () => {
        assert.throws(
          () => call(value as never),
          (error: Error) => {
            assert.ok(error instanceof t.TorchError);
            assert.ok(error.message.startsWith(`${name} takes its options as an object: `), error.message);
            assert.match(
              error.message,
              new RegExp(`(^|[ .])${name.split(".").at(-1)}\\(.*\\{ \\w+: .* \\}\\)`),
            );
            return true;
          },
        );
      });
    test("refuses an option it does not have", () => {
      assert.throws(() => call({ optoin: 1 } as never), {
        name: "TorchError",
        message: new RegExp(`^${name} has no option optoin, but \\w+`),
      });
    });
  });
}

test("the right call bears the value that was given, under the option that is meant", () => {
  const says = (body: () => unknown, call: string) =>
    assert.throws(body, (error: Error) => error.message.includes(`: ${call}`));
  says(() => t.flatten(x, 1 as never), "flatten(x, { startDim: 1 }) (other options: endDim)");
  says(() => t.mean(x, [2, 3] as never), "mean(x, { dim: [2, 3] })");
  says(() => t.cat([x, x], 1 as never), "cat([a, b], { dim: 1 })");
  says(() => t.cat(x as never, x as never), "cat([a, b], { dim: … })");
  says(() => t.cast(x, "float64" as never), 'cast(x, { dtype: "float64" })');
  says(
    () => new t.Conv2d(3, 8, 3, 2 as never),
    "new Conv2d(inputChannels, outputChannels, kernelSize, { stride: 2 })",
  );
  says(() => t.tensor([1, 2, 3, 4], [2, 2] as never), "tensor(data, { shape: [2, 2] })");
});

test("an option of another name is refused with those that there are, in a group of parameters too", () => {
  assert.throws(() => t.flatten(x, { start_dim: 1 } as never), /no option start_dim, but startDim, endDim$/);
  assert.throws(
    () => new t.SGD([{ parameters: layer.parameters(), weight_decay: 1e-4 } as never], { lr: 1 }),
    /^TorchError: SGD has no option weight_decay, but parameters, lr, momentum, nesterov, weightDecay$/,
  );
});

test("sizes given one by one are refused with the form of the right call", () => {
  for (const create of [t.zeros, t.ones, t.empty, t.rand, t.randn])
    assert.throws(() => create(4 as never, 5 as never), {
      name: "TorchError",
      message: `${create.name} takes its shape as an array, such as ${create.name}([2, 3]), got 4`,
    });
  assert.throws(() => t.full(2 as never, 1), /full takes its shape as an array/);
});

test("containers hold modules alone: a list of them in place of each is refused", () => {
  assert.throws(
    () => new t.Sequential([layer] as never),
    /Sequential takes modules, got an object of class Array; write new Sequential\(a, b\)/,
  );
  assert.throws(() => new t.ModuleList([layer, null as never]), /ModuleList takes modules, got null/);
});
