/** Scales that are learned, against the formulas of Learned Step Size Quantization. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { boundsOf, quantizationOf, type Scheme } from "@pea/graph";
import { backward, fakeQuantize, mul, scope, sum, type Tensor, tensor } from "@pea/torch";
import { LearnedRanges } from "../../../src/methods/quantize/learned-ranges.ts";

const asymmetric: Scheme = { activations: "int8", scales: "asymmetric", weights: "per channel" };
const uint8: Scheme = { ...asymmetric, activations: "uint8" };
const symmetric: Scheme = { ...asymmetric, scales: "symmetric" };
const int16: Scheme = { ...symmetric, activations: "int16" };
const groups = [{ values: ["a", "b"], sources: ["a"], isUnit: false }];

/** Two images of three numbers, some of which lie beyond what is learned first. */
const first = [-1, 0.2, 0.5, 1.5, 2.4, 3];
const later = [-2, -0.613, 0.0371, 1.777, 2.9, 5];
const weights = [1, -2, 3, 0.5, -1, 2];
const images = (numbers: readonly number[]): Tensor =>
  tensor(Float32Array.from(numbers), { shape: [2, 3], requiresGrad: true });

/** That have seen a pass of the first numbers. */
function begun(scheme: Scheme): LearnedRanges {
  const ranges = new LearnedRanges(groups, scheme);
  scope(() => ranges.round("a", images(first), { training: true }));
  ranges.endPass();
  return ranges;
}

/** A pass whose loss is Σ weight · rounded. */
function pass(ranges: LearnedRanges): void {
  scope(() => {
    const rounded = ranges.round("a", images(later), { training: true });
    backward(sum(mul(rounded, tensor(Float32Array.from(weights), { shape: [2, 3] }))));
  });
  ranges.endPass();
}

const scaleOf = (ranges: LearnedRanges, scheme: Scheme): number => {
  const range = ranges.read().get("a") ?? assert.fail("no range");
  return quantizationOf(range, scheme).scales[0] as number;
};

/** Equation 3 of the paper, with its factor of section 2.2. */
function gradientOf(scale: number, zeroPoint: number, scheme: Scheme): number {
  const [least, greatest] = boundsOf(scheme.activations);
  const [low, high] = [least - zeroPoint, greatest - zeroPoint];
  const sum = later.reduce((total, value, i) => {
    const steps = value / scale;
    const slope = steps <= low ? low : steps >= high ? high : Math.round(steps) - steps;
    return total + slope * (weights[i] as number);
  }, 0);
  return sum / Math.sqrt(3 * Math.max(high, -low));
}

describe("learned scales", () => {
  for (const scheme of [asymmetric, uint8, symmetric, int16])
    test(`${scheme.activations}, ${scheme.scales}: begin with the first pass and follow their gradient by SGD`, () => {
      const ranges = begun(scheme);
      const { scales, zeroPoints } = quantizationOf({ min: -1, max: 3 }, scheme);
      const zeroPoint = zeroPoints[0] as number;
      let [scale, velocity] = [scales[0] as number, 0];
      assert.equal(scaleOf(ranges, scheme), scale);
      for (const learningRate of [1e-3, 2e-3]) {
        velocity = 0.9 * velocity + gradientOf(scale, zeroPoint, scheme);
        const wanted = Math.max(scale - learningRate * velocity, scale / 2);
        pass(ranges);
        ranges.endStep(learningRate);
        scale = scaleOf(ranges, scheme);
        assert.ok(Math.abs(scale - wanted) < 1e-5 * wanted, `${scale}, not ${wanted}`);
      }
      const range = ranges.read().get("a") ?? assert.fail("no range");
      assert.equal(quantizationOf(range, scheme).zeroPoints[0], zeroPoint, "the zero point stays");
      // What it is exported by rounds as training does, to the bit.
      const [min, max] = boundsOf(scheme.activations);
      scope(() => {
        const learned = ranges.round("a", images(later), { training: true });
        const exported = fakeQuantize(images(later), scale, zeroPoint, { min, max });
        assert.deepEqual(learned.toTypedArray(), exported.toTypedArray());
      });
    });

  test("round all values of a group by one, in evaluation as in training", () => {
    const ranges = begun(asymmetric);
    const rounded = (training: boolean) =>
      scope(() => [...(ranges.round("b", images(later), { training }).toTypedArray() as Float32Array)]);
    assert.deepEqual(rounded(false), rounded(true));
    const scale = scaleOf(ranges, asymmetric);
    assert.ok(rounded(false).every((value) => Math.abs(value / scale - Math.round(value / scale)) < 1e-4));
  });

  test("stay above 0, at half of what they were in a step", () => {
    const ranges = begun(asymmetric);
    const before = scaleOf(ranges, asymmetric);
    assert.ok(gradientOf(before, -64, asymmetric) > 0);
    pass(ranges);
    ranges.endStep(1e6);
    assert.equal(scaleOf(ranges, asymmetric), Math.fround(before / 2));
  });

  test("wait for numbers that have a scale", () => {
    const ranges = new LearnedRanges(groups, asymmetric);
    const zeros = scope(() => [
      ...(ranges.round("a", images([0, 0, 0, 0, 0, 0]), { training: true }).toTypedArray() as Float32Array),
    ]);
    assert.deepEqual(zeros, [0, 0, 0, 0, 0, 0]);
    ranges.endPass();
    ranges.endStep(0.1);
    scope(() => ranges.round("a", images(first), { training: true }));
    ranges.endPass();
    assert.equal(scaleOf(ranges, asymmetric), scaleOf(begun(asymmetric), asymmetric));
  });

  test("go on from what they saved", () => {
    const whole = begun(asymmetric);
    pass(whole);
    whole.endStep(1e-3);
    const resumed = new LearnedRanges(groups, asymmetric);
    resumed.load(whole.state());
    for (const ranges of [whole, resumed]) {
      pass(ranges);
      ranges.endStep(1e-3);
    }
    assert.deepEqual(resumed.state(), whole.state());
  });
});
