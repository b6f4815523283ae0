import assert from "node:assert/strict";
import { test } from "node:test";
import { call, keep, memoryStats, ones, scope, type Tensor } from "@pea/torch";

test("a scope frees what it does not return", () => {
  let inner: Tensor | undefined;
  const y = scope(() => {
    inner = ones([3]);
    return call("aten::neg", inner);
  });
  assert.ok(inner?.disposed);
  assert.deepEqual(y.toNestedArray(), [-1, -1, -1]);
});

test("tensors in returned arrays, objects and Maps live", () => {
  const [a] = scope(() => [ones([1]), 3] as const);
  const { loss, nested } = scope(() => ({ loss: ones([1]), nested: { grad: ones([1]) } }));
  const map = scope(() => new Map([["w", ones([1])]]));
  for (const tensor of [a, loss, nested.grad, map.get("w")]) assert.equal(tensor?.disposed, false);
});

test("a nested scope hands its result to the outer one, which frees it", () => {
  let middle: Tensor | undefined;
  scope(() => {
    middle = scope(() => ones([1]));
    assert.ok(!middle.disposed);
  });
  assert.ok(middle?.disposed);
});

test("keep() takes a tensor out of every scope", () => {
  let parameter: Tensor | undefined;
  scope(() => {
    scope(() => {
      parameter = keep(ones([1]));
    });
  });
  assert.equal(parameter?.disposed, false);
});

test("an exception frees everything and passes", () => {
  let inner: Tensor | undefined;
  assert.throws(
    () =>
      scope(() => {
        inner = ones([1]);
        throw new RangeError("mine");
      }),
    { name: "RangeError", message: "mine" },
  );
  assert.ok(inner?.disposed);
});

test("an async function is refused: its scope would end before its work", async () => {
  assert.throws(() => scope(async () => ones([1])), /synchronous/);
  // What it throws later ends no process.
  const late = async () => {
    await null;
    throw new Error("late");
  };
  assert.throws(() => scope(late), /synchronous/);
  await new Promise(setImmediate);
});

test("100,000 operators leave no tensor and no memory behind", () => {
  const x = ones([1000]);
  const work = (count: number) => {
    for (let i = 0; i < count; i++) {
      scope(() => {
        call("aten::add.Tensor", x, x);
      });
    }
  };
  work(10_000);
  const before = { ...memoryStats(), rss: process.memoryUsage().rss };
  work(100_000);
  const after = { ...memoryStats(), rss: process.memoryUsage().rss };
  assert.deepEqual([after.tensors, after.bytes], [before.tensors, before.bytes]);
  assert.ok(after.rss - before.rss < 64e6, `resident memory grew by ${after.rss - before.rss} bytes`);
});
