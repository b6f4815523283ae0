/** pea::clamp_extremes_ against libtorch's clamp_ and aminmax, bit by bit. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type ClampBounds, clampExtremes, loadKernels } from "@pea/kernels";
import {
  call,
  clampInPlace,
  clone,
  contiguous,
  getNumThreads,
  randn,
  setNumThreads,
  type Tensor,
  tensor,
} from "@pea/torch";

const skip = !loadKernels() && "the kernels are not built";

const floats = (...numbers: number[]) => tensor(Float32Array.from(numbers));

/** What libtorch makes of it: the numbers, least and greatest. */
function composed(values: Tensor, bounds: ClampBounds): [ArrayLike<number | bigint>, number, number] {
  const copy = clone(values);
  if (bounds.min !== undefined || bounds.max !== undefined) clampInPlace(copy, bounds);
  const [min, max] = call<Tensor[]>("aten::aminmax", copy) as [Tensor, Tensor];
  return [copy.toTypedArray(), min.item(), max.item()];
}

describe("clamped numbers and their extremes in one pass", { skip }, () => {
  const images = randn([3, 16, 9, 11]);
  const cases: [what: string, values: Tensor][] = [
    ["one number", floats(-2)],
    ["a scalar", tensor(-2, { dtype: "float32" })],
    ["fewer than a vector", randn([7])],
    ["images", images],
    ["images in channels_last", contiguous(images, { memoryFormat: "channels_last" })],
    ["enough for several threads", randn([300_007])],
    ["infinities", floats(Number.NEGATIVE_INFINITY, 1, Number.POSITIVE_INFINITY)],
  ];
  for (const [what, values] of cases)
    test(`are libtorch's: ${what}`, () => {
      for (const bounds of [{}, { min: 0 }, { max: 0.5 }, { min: -0.25, max: 0.5 }]) {
        const found = clone(values);
        const extremes = clampExtremes(found, bounds);
        const [numbers, min, max] = composed(values, bounds);
        assert.deepEqual(extremes, { min, max });
        assert.deepEqual(found.toTypedArray(), numbers);
      }
    });

  test("are the same for any number of threads", () => {
    const values = randn([500_000]);
    const threads = getNumThreads();
    const found = [1, 4].map((count) => {
      setNumThreads(count);
      return clampExtremes(values);
    });
    setNumThreads(threads);
    assert.deepEqual(found[0], found[1]);
  });

  test("are NaN wherever one number is, which stays", () => {
    for (const place of [0, 70_000, 199_999]) {
      const values = randn([200_000]);
      call("aten::fill_.Scalar", call<Tensor>("aten::select.int", values, 0, place), Number.NaN);
      assert.deepEqual(clampExtremes(values, { min: 0 }), { min: Number.NaN, max: Number.NaN });
      assert.ok(Number.isNaN(values.toTypedArray()[place]));
    }
  });

  test("of nothing are ∞ and −∞", () => {
    const nothing = { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY };
    assert.deepEqual(clampExtremes(floats()), nothing);
  });

  test("are left to others for gaps and other dtypes; in-place changes of what has a gradient are refused", () => {
    const gaps = call<Tensor>("aten::slice.Tensor", randn([8]), 0, 0, 8, 2);
    assert.equal(clampExtremes(gaps), undefined);
    assert.equal(clampExtremes(randn([8], { dtype: "float64" })), undefined);
    const parameter = randn([8]);
    parameter.requiresGrad = true;
    assert.throws(() => clampExtremes(parameter, { min: 0 }), /changed in place and requires a gradient/);
  });
});
