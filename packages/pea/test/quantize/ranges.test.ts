import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, test } from "node:test";
import { type Range, type Scheme, usualScheme } from "@pea/graph";
import { call, manualSeed, randn, relu, setNumThreads, split, sub, type Tensor, tensor } from "@pea/torch";
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

describe("numbers that are clamped before", () => {
  const bounds = { min: 0, max: 6 };
  const gaps = () => call<Tensor>("aten::slice.Tensor", values(-3, 9, 2, 9, 7, 9), 0, 0, 6, 2);

  test("are so in place, and their extremes are what is left, whether a kernel covers them or not", () => {
    for (const numbers of [values(-3, 2, 7), gaps()]) {
      const observer = new Extremes();
      observer.add(numbers, bounds);
      assert.deepEqual([[...numbers.toTypedArray()], observer.read()], [[0, 2, 6], bounds]);
    }
    assert.deepEqual([...gaps().toTypedArray()], [-3, 2, 7]);
  });

  test("are counted so", () => {
    const observer = new HistogramObserver(({ counts, zeros, extremes }) => {
      assert.deepEqual([zeros, counts.reduce((a, b) => a + b)], [1, 3]);
      return extremes;
    });
    observer.add(values(-3, 2, 7), bounds);
    assert.deepEqual(observer.read(), bounds);
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

  const int8 = usualScheme({});
  /** Squared error of numbers as a scheme's integers for a range, on average, as numpy computes it. */
  const errorOf = (numbers: string, { min, max }: Range, { activations, scales }: Scheme) => {
    const steps = activations === "int16" ? 65535 : 255;
    const [step, least, greatest] =
      scales === "asymmetric"
        ? [`(${max} - ${min}) / ${steps}`, min, max]
        : [`${Math.max(-min, max)} / ${(steps - 1) / 2}`, `-${Math.max(-min, max)}`, Math.max(-min, max)];
    return inPython(`x = ${numbers}
s = ${step}
print(np.mean((x - np.clip(np.round(x / s) * s, ${least}, ${greatest})) ** 2))`)[0] as number;
  };

  test("the range of the least error rounds with less than that of all numbers", () => {
    const outlier = histogramOf(...batches, values(40));
    const { min, max } = leastErrorRange(outlier, int8);
    const numbers = "np.append(x, 40)";
    assert.ok(max < 40 && max > 3, `${max}`);
    const chosen = errorOf(numbers, { min, max }, int8);
    const whole = errorOf(numbers, outlier.extremes, int8);
    assert.ok(chosen < 0.8 * whole, `${chosen} ${whole}`);
  });

  for (const [name, scheme] of [
    ["asymmetric", int8],
    ["symmetric", { ...int8, scales: "symmetric" }],
  ] as const)
    test(`no other end is better behind ReLU, whose zeros cost nothing: ${name}`, () => {
      // Three quarters are 0.
      const behind = batches.map((batch) => relu(sub(batch, 0.67)));
      const { min, max } = leastErrorRange(histogramOf(...behind, values(12)), scheme);
      assert.equal(min, 0);
      const error = (end: number) =>
        errorOf("np.append(np.maximum(x - 0.67, 0), 12)", { min, max: end }, scheme);
      for (const other of [0.8, 0.9, 1.1, 1.25])
        assert.ok(error(max) < 1.001 * error(max * other), `${max}, ${other}`);
    });

  test("of 65,536 steps none is cut off for", () => {
    const outlier = histogramOf(...batches, values(40));
    assert.equal(leastErrorRange(outlier, usualScheme({ activations: "int16" })).max, 40);
  });

  test("zeros are told from what is next to 0", () => {
    const { zeros, counts } = histogramOf(values(0, 1e-6, 1), values(0, -2));
    assert.deepEqual([zeros, counts[counts.length / 2]], [2, 3]);
  });
});
