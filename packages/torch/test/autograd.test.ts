import assert from "node:assert/strict";
import { test } from "node:test";
import {
  backward,
  call,
  detach,
  enableGrad,
  gelu,
  grad,
  isGradEnabled,
  noGrad,
  ones,
  randn,
  type Tensor,
  tensor,
} from "@pea/torch";

const square = (x: Tensor) => call("aten::mul.Tensor", x, x);
const gradient = (x: Tensor) => x.grad?.toNestedArray() ?? null;
const sum = (x: Tensor) => call("aten::sum", x);

test("backward adds to the gradient of leaves", () => {
  const x = tensor([1, 2, 3], { requiresGrad: true });
  assert.equal(gradient(x), null);
  backward(sum(square(x)));
  assert.deepEqual(gradient(x), [2, 4, 6]);
  backward(sum(square(x)));
  assert.deepEqual(gradient(x), [4, 8, 12]);
  x.grad = null;
  assert.equal(gradient(x), null);
});

test("leaves, results and detached tensors know what they are", () => {
  const x = ones([1], { requiresGrad: true });
  const y = square(x);
  assert.deepEqual([x.isLeaf, y.isLeaf, y.requiresGrad], [true, false, true]);
  assert.equal(detach(y).requiresGrad, false);
});

test("a graph is freed by backward unless retained", () => {
  const y = sum(square(tensor([3], { requiresGrad: true })));
  backward(y, { retainGraph: true });
  backward(y);
  assert.throws(() => backward(y), /backward: .*second time/s);
});

test("a non-scalar needs a gradient", () => {
  const x = tensor([1, 2], { requiresGrad: true });
  assert.throws(() => backward(square(x)), /backward: .*scalar/s);
  backward(square(x), { gradient: tensor([1, 10]) });
  assert.deepEqual(gradient(x), [2, 40]);
});

test("noGrad and enableGrad nest, and restore after an exception", () => {
  const x = ones([1], { requiresGrad: true });
  assert.equal(
    noGrad(() => square(x).requiresGrad),
    false,
  );
  assert.equal(
    noGrad(() => enableGrad(() => square(x).requiresGrad)),
    true,
  );
  assert.throws(() =>
    noGrad(() => {
      throw new Error("x");
    }),
  );
  assert.ok(isGradEnabled());
  assert.throws(() => backward(noGrad(() => square(x))), /backward: .*does not require grad/s);
});

test("grad() returns gradients and touches none", () => {
  const x = tensor([2], { requiresGrad: true });
  const unused = tensor([2], { requiresGrad: true });
  const [dx] = grad([square(x)], [x], { createGraph: true });
  assert.equal(dx?.item(), 4);
  assert.equal(grad([dx as Tensor], [x])[0]?.item(), 2);
  assert.equal(gradient(x), null);
  assert.throws(() => grad([square(x)], [unused]), /grad: /);
  assert.deepEqual(grad([square(x)], [unused], { allowUnused: true }), [null]);
});

test("requiresGrad is refused where it makes no sense", () => {
  assert.throws(() => tensor([1], { dtype: "int64", requiresGrad: true }), /floating/);
  const y = square(ones([1], { requiresGrad: true }));
  assert.throws(() => {
    y.requiresGrad = false;
  }, /leaf/);
});

test("gelu's gradient does not depend on the memory format of x or of what arrives", () => {
  const x = randn([2, 3, 4, 5], { dtype: "float32" });
  const arriving = randn([2, 3, 4, 5]);
  const inFormat = (source: Tensor, format: string) => call("aten::contiguous", source, format);
  const gradientFor = (xFormat: string, arrivingFormat: string) => {
    const leaf = detach(inFormat(x, xFormat));
    leaf.requiresGrad = true;
    const [result] = grad([gelu(leaf)], [leaf], { gradients: [inFormat(arriving, arrivingFormat)] });
    return inFormat(result as Tensor, "contiguous").toTypedArray() as Float32Array;
  };
  const expected = gradientFor("contiguous", "contiguous");
  const others: [string, string][] = [
    ["contiguous", "channels_last"],
    ["channels_last", "contiguous"],
    ["channels_last", "channels_last"],
  ];
  for (const [xFormat, arrivingFormat] of others) {
    const difference = gradientFor(xFormat, arrivingFormat).reduce(
      (largest, value, i) => Math.max(largest, Math.abs(value - (expected[i] as number))),
      0,
    );
    assert.ok(difference < 1e-6, `${xFormat}, ${arrivingFormat}: differs by ${difference}`);
  }
});
