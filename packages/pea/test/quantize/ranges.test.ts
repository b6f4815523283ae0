import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, test } from "node:test";
import { call, manualSeed, randn, setNumThreads, split, type Tensor, tensor } from "@pea/torch";
import { leastErrorRange, percentileRange } from "../../src/quantize/ranges/choose-range.ts";
import { Extremes } from "../../src/quantize/ranges/extremes.ts";
import { type Histogram, HistogramObserver } from "../../src/quantize/ranges/histogram.ts";
import type { RangeObserver } from "../../src/quantize/ranges/range-observer.ts";

setNumThreads(1);
manualSeed(1);

const seen = (observer: RangeObserver, batches: readonly Tensor[]) => {
  for (const batch of batches) observer.add(batch);
  return observer.read();
};
const values = (...numbers: number[]) => tensor(Float32Array.from(numbers));

/** The histogram of some batches. */
function histogramOf(...batches: Tensor[]): Histogram {
  let found: Histogram | undefined;
  seen(
    new HistogramObserver((histogram) => {
      found = histogram;
      return histogram.extremes;
    }),
    batches,
  );
  return found as Histogram;
}

describe("least and greatest", () => {
  test("are those of all batches", () => {
    assert.deepEqual(seen(new Extremes(), [values(1, 2), values(-3, 0.5), values(1)]), { min: -3, max: 2 });
  });

  test("are found whichever axis lies innermost", () => {
    const images = randn([2, 3, 4, 5]);
    const channelsLast = call<Tensor>("aten::contiguous", images, "channels_last");
    assert.deepEqual(seen(new Extremes(), [channelsLast]), seen(new Extremes(), [images]));
  });

  test("are NaN once a number is", () => {
    const { min, max } = seen(new Extremes(), [values(1, Number.NaN), values(2)]);
    assert.ok(Number.isNaN(min) && Number.isNaN(max));
  });
});

describe("histogram", () => {
  test("counts all numbers, in bins that fit them", () => {
    const { counts, range, extremes } = histogramOf(values(0.3, -0.2), values(5, 5, -1));
    assert.deepEqual(
      [range, extremes],
      [
        { min: -8, max: 8 },
        { min: -1, max: 5 },
      ],
    );
    const expected = [-1, -0.2, 0.3, 5].map((value) => Math.floor(((value + 8) / 16) * counts.length));
    const filled = [...counts.entries()].filter(([, count]) => count > 0);
    assert.deepEqual(
      filled,
      expected.map((place, i) => [place, i === 3 ? 2 : 1]),
    );
  });

  test("does not depend on the order of batches", () => {
    const batches = [1, 10, 3].map((scale) =>
      tensor((randn([1000]).toTypedArray() as Float32Array).map((x) => x * scale)),
    );
    const [a, b] = [histogramOf(...batches), histogramOf(...batches.toReversed())];
    assert.deepEqual(a.range, b.range);
    assert.deepEqual([...a.counts], [...b.counts]);
  });

  test("counts of a large batch some of each channel, and finds the greatest of all", () => {
    const shape = [8, 2, 128, 128] as const;
    const images = tensor(new Float32Array(8 * 2 * 128 * 128), { shape });
    // The second channel is 1, and one number 3.
    const numbers = (images.toTypedArray() as Float32Array).map((_, i) =>
      i === 77 ? 3 : Math.floor(i / 128 ** 2) % 2,
    );
    const { counts, extremes } = histogramOf(
      call<Tensor>("aten::contiguous", tensor(numbers, { shape }), "channels_last"),
    );
    const total = counts.reduce((a, b) => a + b, 0);
    const ones = counts[Math.floor(((1 + 4) / 8) * counts.length)] ?? 0;
    assert.ok(total > 30_000 && total <= 2 ** 16, `${total}`);
    assert.ok(Math.abs(ones / total - 0.5) < 0.01, `${ones} of ${total}`);
    assert.deepEqual(extremes, { min: 0, max: 3 });
  });

  test("of zeros has no bins to count in", () => {
    assert.deepEqual(seen(new HistogramObserver(percentileRange), [values(0, 0)]), { min: 0, max: 0 });
  });
});

const sample = randn([200_000]);
/** Small enough that all of each is counted. */
const batches = split(sample, 50_000, { dim: 0 });
const inPython = (script: string): number[] => {
  const numbers = sample.toTypedArray() as Float32Array;
  const program = `import sys, numpy as np\nx = np.frombuffer(sys.stdin.buffer.read(), np.float32).astype(np.float64)\n${script}`;
  const printed = execFileSync("/usr/bin/python3", ["-c", program], {
    input: Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength),
    encoding: "utf8",
  });
  return printed.trim().split(/\s+/).map(Number);
};

describe("ranges from histograms", () => {
  test("percentiles are those that numpy finds, to two bins", () => {
    const { min, max } = seen(new HistogramObserver(percentileRange), batches);
    const [low = 0, high = 0] = inPython("print(*np.quantile(x, [0.0001, 0.9999]))");
    const width = 16 / 4096;
    assert.ok(
      Math.abs(min - low) < 2 * width && Math.abs(max - high) < 2 * width,
      `${min} ${max} ${low} ${high}`,
    );
  });

  test("percentiles lie within the numbers, and 0 behind ReLU stays", () => {
    const { min, max } = seen(new HistogramObserver(percentileRange), [values(0, 0, 0.7)]);
    assert.deepEqual([min, max], [0, Math.fround(0.7)]);
  });

  test("the range of the least error rounds with less than that of all numbers, as numpy computes it", () => {
    const outlier = histogramOf(...batches, values(40));
    const { min, max } = leastErrorRange(outlier);
    const errorOf = (low: number, high: number) =>
      inPython(`x = np.append(x, 40)
s = (${high} - ${low}) / 255
q = np.clip(np.round((x - ${low}) / s), 0, 255) * s + ${low}
print(np.mean((x - q) ** 2))`)[0] as number;
    assert.ok(max < 40 && max > 3, `${max}`);
    const [chosen, whole] = [errorOf(min, max), errorOf(outlier.extremes.min, 40)];
    assert.ok(chosen < 0.8 * whole, `${chosen} ${whole}`);
    // No other of the ends that are tried is better, but for what bins cannot tell.
    for (const other of [0.8, 0.9, 1.1, 1.25])
      assert.ok(chosen < 1.02 * errorOf(min, max * other), `${other}`);
  });
});
