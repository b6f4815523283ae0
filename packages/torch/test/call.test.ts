import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Call,
  call,
  ones,
  recordCalls,
  schema,
  type Tensor,
  TorchError,
  tensor,
  zeros,
} from "@pea/torch";

const numbers = (x: Tensor) => x.toNestedArray();

test("an operator is found by name, with or without its overload", () => {
  assert.deepEqual(numbers(call("aten::relu", tensor([-1, 2]))), [0, 2]);
  assert.deepEqual(numbers(call("aten::add.Tensor", tensor([1]), tensor([2]))), [3]);
  assert.match(schema("aten::relu"), /aten::relu\(Tensor self\) -> Tensor/);
});

test("arguments left out or undefined take the schema's defaults", () => {
  assert.deepEqual(numbers(call("aten::add.Tensor", tensor([1]), tensor([2]), undefined)), [3]);
  assert.deepEqual(numbers(call("aten::add.Tensor", tensor([1]), tensor([2]), 10)), [21]);
});

test("a number stands for all elements of a fixed-size list", () => {
  const x = ones([1, 1, 4, 4]);
  assert.deepEqual(call("aten::conv2d", x, ones([1, 1, 3, 3]), null, 1, 1).shape, [1, 1, 4, 4]);
});

test("several results come as an array, lists of tensors too", () => {
  const [max, index] = call<Tensor[]>("aten::max.dim", tensor([[1, 5, 2]]), 1);
  assert.deepEqual([numbers(max as Tensor), numbers(index as Tensor)], [[5], [1]]);
  const parts = call<Tensor[]>("aten::split.Tensor", ones([4]), 2);
  assert.deepEqual(
    parts.map((part) => part.shape),
    [[2], [2]],
  );
});

test("scalars: integers stay exact, -0, NaN and infinities pass", () => {
  assert.equal(call("aten::add.Scalar", tensor([2 ** 53 - 2], { dtype: "int64" }), 1).item(), 2 ** 53 - 1);
  assert.ok(Object.is(call("aten::mul.Scalar", tensor([1]), -0).item(), -0));
  assert.ok(Number.isNaN(call("aten::mul.Scalar", tensor([1]), Number.NaN).item()));
  assert.equal(
    call("aten::mul.Scalar", tensor([1]), Number.POSITIVE_INFINITY).item(),
    Number.POSITIVE_INFINITY,
  );
  assert.deepEqual(numbers(call("aten::add.Scalar", tensor([1n << 60n], { dtype: "int64" }), 1n)), [
    (1n << 60n) + 1n,
  ]);
});

test("optional tensors in lists are null", () => {
  const x = tensor([
    [1, 2],
    [3, 4],
  ]);
  assert.deepEqual(numbers(call("aten::index.Tensor", x, [null, tensor([1], { dtype: "int64" })])), [
    [2],
    [4],
  ]);
});

test("an error names the operator, the arguments given and what is wrong", () => {
  const cases: [() => unknown, RegExp][] = [
    [
      () => call("aten::conv2d", ones([1, 3, 8, 8]), ones([4, 2, 3, 3])),
      /aten::conv2d\(float32\[1, 3, 8, 8\], float32\[4, 2, 3, 3\]\): .*channels/s,
    ],
    [
      () => call("aten::matmul", ones([2, 3]), ones([2, 3])),
      /aten::matmul\(float32\[2, 3\], float32\[2, 3\]\): /,
    ],
    [() => call("aten::no_such_thing", ones([1])), /no operator aten::no_such_thing/],
    [() => call("conv2d", ones([1])), /needs its namespace, such as aten::conv2d/],
    [() => call("aten::add", ones([1]), 1), /choose one of: .*aten::add\.Tensor/],
    [() => call("aten::relu"), /argument 'input'|argument 'self' is missing: aten::relu/],
    [() => call("aten::relu", ones([1]), 1), /takes at most 1 arguments, got 2/],
    [() => call("aten::relu", ...Array(30).fill(ones([1]))), /takes at most 1 arguments, got 30/],
    [() => call("aten::relu", 3), /argument 'self' must be Tensor, got 3/],
    [() => call("aten::softmax.int", ones([1]), "x"), /argument 'dim' must be int, got "x"/],
    [() => call("aten::softmax.int", ones([1]), 0.5), /argument 'dim' must be int, got 0\.5/],
    [() => call("aten::cat", [ones([1]), {} as never]), /argument 'tensors' must be Tensor\[\]/],
  ];
  for (const [use, message] of cases) {
    assert.throws(use, (error) => {
      assert.ok(error instanceof TorchError);
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /Exception raised from/);
      return true;
    });
  }
});

test("recordCalls sees every operator that passes the door, in order, and cannot be nested", () => {
  const calls: Call[] = [];
  const y = recordCalls(
    (seen) => calls.push(seen),
    () => call("aten::relu", call("aten::neg", tensor([-2]))),
  );
  call("aten::neg", y);
  assert.deepEqual(
    calls.map(({ name }) => name),
    ["aten::neg", "aten::relu"],
  );
  assert.equal(calls[1]?.args[0], calls[0]?.result);
  assert.equal(calls[1]?.result, y);
  assert.throws(
    () =>
      recordCalls(
        () => {},
        () =>
          recordCalls(
            () => {},
            () => 0,
          ),
      ),
    /cannot be nested/,
  );
  assert.equal(
    recordCalls(
      () => {},
      () => zeros([1]).item(),
    ),
    0,
  );
});

test("a tensor whose shape an operator changes in place has the new one", () => {
  const cases: [name: string, args: (number | number[])[], shape: number[]][] = [
    ["aten::t_", [], [3, 1]],
    ["aten::transpose_", [0, 1], [3, 1]],
    ["aten::swapaxes_", [0, 1], [3, 1]],
    ["aten::swapdims_", [0, 1], [3, 1]],
    ["aten::squeeze_", [], [3]],
    ["aten::squeeze_.dim", [0], [3]],
    ["aten::unsqueeze_", [0], [1, 1, 3]],
    ["aten::resize_", [[2, 1]], [2, 1]],
    ["aten::as_strided_", [[2], [1]], [2]],
    ["aten::set_", [], [0]],
  ];
  for (const [name, args, shape] of cases) {
    const x = zeros([1, 3]);
    assert.deepEqual(x.shape, [1, 3], `${name}: before`);
    call(name, x, ...args);
    assert.deepEqual(x.shape, shape, name);
  }
  const x = zeros([1, 3]);
  assert.deepEqual(x.shape, [1, 3], "aten::resize_as_: before");
  call("aten::resize_as_", x, zeros([2]));
  assert.deepEqual(x.shape, [2], "aten::resize_as_");
});

test("a tensor that takes an operator's result has its shape", () => {
  const [sum, joined, largest] = [1, 2, 3].map(() => zeros([0])) as [Tensor, Tensor, Tensor];
  const places = zeros([0], { dtype: "int64" });
  for (const tensor of [sum, joined, largest, places]) assert.deepEqual(tensor.shape, [0], "before");
  call("aten::add.out", ones([2, 3]), ones([2, 3]), 1, sum);
  call("aten::cat.out", [ones([2]), ones([3])], 0, joined);
  call("aten::max.dim_max", ones([2, 3]), 1, false, largest, places);
  assert.deepEqual([sum.shape, joined.shape, largest.shape, places.shape], [[2, 3], [5], [2], [2]]);
  assert.deepEqual(numbers(joined), [1, 1, 1, 1, 1]);
});
