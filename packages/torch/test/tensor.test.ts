import assert from "node:assert/strict";
import { test } from "node:test";
import {
  call,
  type DType,
  empty,
  full,
  ones,
  Tensor,
  TorchError,
  type TypedArray,
  tensor,
  zeros,
} from "@pea/torch";

const values: [DType, number[]][] = [
  ["float32", [0, -1.5, 3.25]],
  ["float64", [0, -1.1, Math.PI]],
  ["bfloat16", [0, -1.5, 3.25]],
  ["float16", [0, -1.5, 3.25]],
  ["int64", [0, -1, 2 ** 40]],
  ["int32", [0, -1, 2 ** 30]],
  ["int16", [0, -1, 300]],
  ["int8", [0, -1, 100]],
  ["uint8", [0, 1, 255]],
];

for (const [dtype, data] of values) {
  test(`${dtype} goes in and comes out`, () => {
    const x = tensor(data, { dtype });
    assert.equal(x.dtype, dtype);
    assert.deepEqual(x.shape, [3]);
    assert.deepEqual(x.toNestedArray(), data);
  });
}

test("bool goes in and comes out", () => {
  const x = tensor([[true, false]], { dtype: "bool" });
  assert.deepEqual(x.toNestedArray(), [[true, false]]);
  assert.deepEqual(x.toTypedArray(), new Uint8Array([1, 0]));
});

test("typed arrays keep their type and take a shape", () => {
  const x = tensor(new Float64Array([1, 2, 3, 4, 5, 6]), { shape: [2, 3] });
  assert.equal(x.dtype, "float64");
  assert.deepEqual(x.toNestedArray(), [
    [1, 2, 3],
    [4, 5, 6],
  ]);
  assert.deepEqual(x.toTypedArray(), new Float64Array([1, 2, 3, 4, 5, 6]));
  assert.equal(
    tensor(new BigInt64Array([2n ** 60n]))
      .toNestedArray()
      ?.toString(),
    "1152921504606846976",
  );
});

test("every typed array becomes a tensor of its dtype and comes back, whatever part of its buffer it shows", () => {
  const arrays: [DType, TypedArray][] = [
    ["float32", new Float32Array([9, 0.1, -0, Number.NaN])],
    ["float64", new Float64Array([9, 0.1, -0, Number.NEGATIVE_INFINITY])],
    ["int64", new BigInt64Array([9n, 0n, -(2n ** 63n), 2n ** 63n - 1n])],
    ["int32", new Int32Array([9, 0, -(2 ** 31), 2 ** 31 - 1])],
    ["int16", new Int16Array([9, 0, -(2 ** 15), 2 ** 15 - 1])],
    ["int8", new Int8Array([9, 0, -128, 127])],
    ["uint8", new Uint8Array([9, 0, 1, 255])],
  ];
  for (const [dtype, array] of arrays) {
    const x = tensor(array.subarray(1));
    assert.deepEqual([x.dtype, x.shape], [dtype, [3]]);
    assert.deepEqual(x.toTypedArray(), array.slice(1));
    const filled = zeros([3], { dtype });
    filled.copyFrom(array.subarray(1));
    assert.deepEqual(filled.toTypedArray(), array.slice(1));
  }
});

test("a typed array is converted to any dtype that holds its values; float16 and bfloat16 are read as float32", () => {
  const arrays = [
    new Float64Array([0, 1]),
    new BigInt64Array([0n, 1n]),
    new Int32Array([0, 1]),
    new Uint8Array(2).fill(1, 1),
  ];
  const dtypes: DType[] = [...values.map(([dtype]) => dtype), "bool"];
  for (const array of arrays) {
    for (const dtype of dtypes) {
      const x = tensor(array, { dtype });
      assert.equal(x.dtype, dtype);
      assert.deepEqual(Array.from(x.toTypedArray(), Number), [0, 1], `${array.constructor.name} as ${dtype}`);
    }
  }
  for (const dtype of ["float16", "bfloat16"] as const)
    assert.deepEqual(
      tensor(new Float32Array([1.5, -2]), { dtype }).toTypedArray(),
      new Float32Array([1.5, -2]),
    );
  for (const array of [new Uint16Array(1), new BigUint64Array(1), new DataView(new ArrayBuffer(4))])
    assert.throws(
      () => tensor(array as never),
      new RegExp(
        `No dtype fits .*${array.constructor.name}; use one of Float32Array, .*Int16Array, Int8Array, Uint8Array$`,
      ),
    );
});

test("values keep their kind: numbers are float32, BigInts int64, booleans bool", () => {
  const large = 2n ** 62n + 1n;
  assert.equal(tensor([[1, 2]]).dtype, "float32");
  assert.deepEqual(tensor([large, -1n]).toTypedArray(), new BigInt64Array([large, -1n]));
  assert.equal(tensor(large).dtype, "int64");
  assert.deepEqual(tensor([[true], [false]]).toNestedArray(), [[true], [false]]);
  assert.equal(tensor(true).dtype, "bool");
  assert.equal(tensor([[], []]).dtype, "float32");
});

test("a dtype that is given comes first, and lets kinds of values stand side by side", () => {
  assert.deepEqual(tensor([true, 2.5, 3n], { dtype: "float64" }).toNestedArray(), [1, 2.5, 3]);
  const kinds = [
    [[1, true], "numbers and booleans"],
    [[[1], [2n]], "numbers and BigInts"],
    [[2n, false], "BigInts and booleans"],
  ] as const;
  for (const [data, found] of kinds)
    assert.throws(() => tensor(data as never), {
      name: "TorchError",
      message: `tensor was given ${found} side by side; say which dtype they are to have`,
    });
});

test("a shape beside nested arrays gives their values, row by row, another shape", () => {
  const rows = [
    [1, 2],
    [3, 4],
  ];
  assert.deepEqual(tensor([1, 2, 3, 4], { shape: [2, 2] }).toNestedArray(), rows);
  assert.deepEqual(tensor(rows, { shape: [4] }).toNestedArray(), [1, 2, 3, 4]);
  assert.deepEqual(tensor(rows, { shape: [1, 4, 1], dtype: "bfloat16" }).shape, [1, 4, 1]);
  assert.deepEqual(tensor(7, { shape: [1, 1] }).toNestedArray(), [[7]]);
  assert.deepEqual(tensor([], { shape: [0, 3] }).shape, [0, 3]);
  assert.throws(() => tensor(rows, { shape: [3] }), /tensor: the shape \[3\] takes 3 values, got 4$/);
  assert.throws(() => tensor([[1], [2, 3]], { shape: [3] }), /ragged/);
});

test("a shape beside a typed array is made of whole numbers of at least 0 that fit its length", () => {
  const shaped =
    (...shape: number[]) =>
    () =>
      tensor(new Float32Array(2), { shape });
  assert.throws(shaped(Number.NaN), /tensor: each size of a shape must be an integer, got NaN/);
  assert.throws(shaped(0.5, 4), /must be an integer, got 0\.5/);
  assert.throws(shaped(-2), /must be at least 0, got -2/);
  assert.throws(shaped(2 ** 40, 2 ** 40), TorchError);
});

test("a copy is made: later changes of the array do not reach the tensor", () => {
  const data = new Float32Array([1, 2]);
  const x = tensor(data);
  data[0] = 9;
  assert.deepEqual(x.toNestedArray(), [1, 2]);
});

test("metadata: shape, strides, device, memory format, scalars and empty tensors", () => {
  const x = zeros([2, 3, 4, 5]);
  assert.deepEqual([x.ndim, x.numel, x.device], [4, 120, "cpu"]);
  assert.deepEqual(x.strides, [60, 20, 5, 1]);
  assert.ok(x.isContiguous());
  const last = call("aten::contiguous", x, "channels_last");
  assert.deepEqual(last.strides, [60, 1, 15, 3]);
  assert.ok(last.isContiguous("channels_last") && !last.isContiguous());
  assert.deepEqual(tensor(4).shape, []);
  assert.equal(tensor(4).item(), 4);
  assert.deepEqual(empty([0, 3]).toNestedArray(), []);
  assert.deepEqual(tensor([]).shape, [0]);
  assert.equal(full([2], 7).toString(), "float32[2]");
});

test("copyFrom fills in place, whatever the strides", () => {
  const x = call("aten::contiguous", zeros([1, 2, 1, 2]), "channels_last");
  x.copyFrom(new Float32Array([1, 2, 3, 4]));
  assert.deepEqual(x.toNestedArray(), [[[[1, 2]], [[3, 4]]]]);
  assert.throws(() => x.copyFrom(new Float32Array(3)), /12 bytes, but float32\[1, 2, 1, 2\] needs 16/);
});

test("copyFrom takes the tensor's own dtype alone: other bytes are not reinterpreted", () => {
  assert.throws(
    () => zeros([2]).copyFrom(new Int32Array(2)),
    /tensor of float32 takes a Float32Array, got an object of class Int32Array/,
  );
  assert.throws(() => zeros([1], { dtype: "int64" }).copyFrom(new Float64Array(1)), /takes a BigInt64Array/);
  assert.throws(
    () => zeros([2]).copyFrom([1, 2] as never),
    /takes a Float32Array, got an object of class Array/,
  );
  assert.throws(() => zeros([2], { dtype: "bfloat16" }).copyFrom(new Float32Array(1)), /bfloat16/);
  const mask = zeros([2], { dtype: "bool" });
  mask.copyFrom(new Uint8Array([0, 1]));
  assert.deepEqual(mask.toNestedArray(), [false, true]);
  assert.throws(() => mask.copyFrom(new Uint8Array([0, 2])), /bool cannot hold 2/);
});

test("a value that is no number, or that the dtype cannot hold, is refused and named", () => {
  for (const [value, name] of [
    ["3", '"3"'],
    [undefined, "undefined"],
    [null, "null"],
    [{}, "class Object"],
  ]) {
    const message = new RegExp(`made of numbers, BigInts or booleans, got .*${name}`);
    assert.throws(() => tensor([1, value as number]), message);
    assert.throws(() => tensor(value as number), message);
  }
  const misfits: [DType, number | bigint, string][] = [
    ["int64", Number.NaN, "NaN"],
    ["int64", Number.POSITIVE_INFINITY, "Infinity"],
    ["int64", 2n ** 63n, "9223372036854775808"],
    ["int32", 1.5, "1.5"],
    ["int32", 2 ** 31, "2147483648"],
    ["int16", -32769n, "-32769"],
    ["int8", 128, "128"],
    ["uint8", -1, "-1"],
    ["uint8", 256, "256"],
    ["bool", 2, "2"],
  ];
  for (const [dtype, value, name] of misfits) {
    const message = new RegExp(
      `tensor of ${dtype} cannot hold ${name}; it takes the integers from -?\\d+ to \\d+$`,
    );
    assert.throws(() => tensor([[0], [value]], { dtype }), message);
    if (typeof value === "number") assert.throws(() => tensor(new Float64Array([value]), { dtype }), message);
  }
  assert.throws(() => tensor(0.5, { dtype: "int64" }), /from -9223372036854775808 to 9223372036854775807$/);
  assert.deepEqual(tensor([Number.NaN, 2 ** 200]).toNestedArray(), [Number.NaN, Number.POSITIVE_INFINITY]);
  const extremes = [-(2n ** 63n), 2n ** 63n - 1n];
  assert.deepEqual(tensor(extremes, { dtype: "int64" }).toNestedArray(), extremes);
  assert.deepEqual(tensor([true, 3n], { dtype: "uint8" }).toNestedArray(), [1, 3]);
});

test("item() gives a number only where a number holds the value", () => {
  const largest = Number.MAX_SAFE_INTEGER;
  assert.equal(tensor(largest, { dtype: "int64" }).item(), largest);
  assert.equal(tensor(true, { dtype: "bool" }).item(), 1);
  assert.throws(
    () => tensor(2n ** 53n + 1n, { dtype: "int64" }).item(),
    /item: 9007199254740993 is too large for a number/,
  );
});

test("bad data is refused by name", () => {
  assert.throws(() => tensor([[1], [1, 2]]), /ragged/);
  assert.throws(() => tensor([1, [2]] as never), /ragged/);
  assert.throws(
    () => tensor(new Float32Array(3), { shape: [2, 2] }),
    /tensor: the shape \[2, 2\] takes 4 values, got 3$/,
  );
  assert.throws(() => zeros([Number.NaN]), /'size' must be int\[\].*NaN/);
  assert.throws(() => zeros([2.5]), /2\.5/);
  assert.throws(() => zeros([-1]), TorchError);
  assert.throws(() => zeros([1e15]), /allocate/);
  assert.throws(() => zeros([1], { dtype: "float99" as DType }), /float99/);
  assert.throws(() => ones([2, 2]).item(), /one element, got shape \[2, 2\]/);
  assert.throws(() => new Tensor({} as never, Symbol() as never), /made by tensor\(\)/);
});

test("use after dispose is an error, never a crash", () => {
  const x = ones([2]);
  x.dispose();
  x.dispose();
  assert.ok(x.disposed);
  assert.equal(x.toString(), "Tensor(disposed)");
  const uses = [
    () => x.shape,
    () => x.dtype,
    () => x.grad,
    () => x.item(),
    () => x.toTypedArray(),
    () => call("aten::neg", x),
    () => call("aten::cat", [ones([2]), x]),
  ];
  for (const use of uses)
    assert.throws(use, (error) => error instanceof TorchError && /disposed/.test(error.message));
});

test("`using` disposes at the end of the block", () => {
  let seen: Tensor;
  {
    using x = ones([2]);
    seen = x;
    assert.ok(!x.disposed);
  }
  assert.ok(seen.disposed);
});

test("a foreign tensor is an error that says so", () => {
  assert.throws(
    () => call("aten::neg", structuredClone({ shape: [1] }) as never),
    /must be Tensor, got an object/,
  );
  assert.throws(() => ones([1]).isSame({} as never), /not a Tensor of this copy/);
});

test("a device that does not exist is a clear error", () => {
  assert.throws(() => zeros([1], { device: "toaster" }), /toaster/);
});
