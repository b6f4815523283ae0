/** Tensors whose value is computed when somebody needs it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  add,
  contiguous,
  type Deferral,
  deferralOf,
  deferred,
  keep,
  ones,
  randn,
  scope,
  type Tensor,
} from "@pea/torch";

/** A deferral of `value`, which counts what is asked of it. */
function counted(value: Tensor) {
  const counts = { computed: 0, released: 0 };
  const deferral: Deferral = {
    like: value,
    compute: () => {
      counts.computed++;
      return add(value, 0);
    },
    release: () => counts.released++,
  };
  return { deferral, counts };
}

test("all but the elements is known without computing them", () => {
  const value = contiguous(randn([2, 3, 4, 5], { dtype: "float64" }), { memoryFormat: "channels_last" });
  const { deferral, counts } = counted(value);
  const tensor = deferred(deferral);
  assert.deepEqual(tensor.shape, [2, 3, 4, 5]);
  assert.deepEqual(tensor.strides, value.strides);
  assert.equal(`${tensor}`, "float64[2, 3, 4, 5]");
  assert.equal(tensor.device, "cpu");
  assert.equal(tensor.requiresGrad, false);
  assert.ok(tensor.isContiguous("channels_last"));
  assert.equal(deferralOf(tensor), deferral);
  assert.deepEqual(counts, { computed: 0, released: 0 });
});

test("the first who needs the value computes it, and it stays", () => {
  const value = randn([3]);
  const { deferral, counts } = counted(value);
  const tensor = deferred(deferral);
  const expected = add(value, 1).toTypedArray();
  assert.deepEqual(add(tensor, 1).toTypedArray(), expected);
  assert.deepEqual(add(tensor, 1).toTypedArray(), expected);
  assert.deepEqual(counts, { computed: 1, released: 1 });
  assert.equal(deferralOf(tensor), undefined);
});

test("a value computed in an inner scope lives as long as its tensor", () => {
  scope(() => {
    const tensor = deferred(counted(ones([2])).deferral);
    scope(() => void add(tensor, 1));
    assert.deepEqual([...tensor.toTypedArray()], [1, 1]);
  });
});

test("who frees it releases what it would have been computed of, once", () => {
  const value = keep(ones([2]));
  const { deferral, counts } = counted(value);
  const tensor = scope(() => {
    const inner = deferred(deferral);
    assert.ok(!inner.disposed);
    return keep(inner);
  });
  tensor.dispose();
  tensor.dispose();
  assert.deepEqual(counts, { computed: 0, released: 1 });
  assert.ok(tensor.disposed);
  assert.throws(() => tensor.shape, /disposed of before this use/);
  scope(() => void deferred(deferral));
  assert.deepEqual(counts, { computed: 0, released: 2 });
});

test("an error of the computation is the reader's, and the next one tries again", () => {
  const value = ones([2]);
  let fails = true;
  const tensor = deferred({
    like: value,
    compute: () => {
      if (fails) throw new Error("not now");
      return add(value, 0);
    },
    release: () => {},
  });
  assert.throws(() => add(tensor, 1), /not now/);
  fails = false;
  assert.deepEqual([...tensor.toTypedArray()], [1, 1]);
});
