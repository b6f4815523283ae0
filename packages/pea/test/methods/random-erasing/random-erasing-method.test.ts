import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setNumThreads, tensor } from "@pea/torch";
import { drawsOfImage } from "../../../src/methods/draws.ts";
import { RandomErasingMethod } from "../../../src/methods/index.ts";
import { drawRectangle } from "../../../src/methods/random-erasing/random-erasing-method.ts";
import { fitContext } from "../../support/fit-context.ts";

setNumThreads(1);

const options = { probability: 0.5, area: [0.02, 0.33], ratio: [0.3, 3.3] } as const;

test("draws of an image are the same whenever they are asked for, and others by method, seed, epoch and image", () => {
  const take = (method: string, seed: number, epoch: number, index: number) => {
    const draws = drawsOfImage(method, { seed, epoch, index });
    return Array.from({ length: 9 }, () => draws.uniform());
  };
  assert.deepEqual(take("a", 1, 2, 3), take("a", 1, 2, 3));
  const all = [
    take("a", 1, 2, 3),
    take("b", 1, 2, 3),
    take("a", 2, 2, 3),
    take("a", 1, 3, 3),
    take("a", 1, 2, 4),
  ];
  assert.equal(new Set(all.flat()).size, 45);
});

describe("the rectangle", () => {
  const image = { height: 200, width: 300 };
  const found = Array.from({ length: 4000 }, (_, index) =>
    drawRectangle(image, options, drawsOfImage("test", { seed: 0, epoch: 0, index })),
  );
  const erased = found.flatMap((one) => one ?? []);

  test("is erased of the share of images that is asked for", () => {
    // Four standard deviations; an attempt in ten does not fit, ten in a row do never.
    assert.ok(Math.abs(erased.length / 4000 - 0.5) < 4 * Math.sqrt(0.25 / 4000));
  });
  test("lies inside, its area uniform and its ratio log-uniform in torchvision's ranges", () => {
    const shares: number[] = [];
    const ratios: number[] = [];
    for (const { top, left, height, width } of erased) {
      assert.ok(top >= 0 && left >= 0 && top + height <= 200 && left + width <= 300);
      assert.ok(height < 200 && width < 300);
      shares.push((height * width) / 60_000);
      ratios.push(Math.log(height / width));
    }
    const near = (value: number, expected: number, tolerance: number) =>
      assert.ok(Math.abs(value - expected) < tolerance, `${value} is not ${expected}`);
    // By rounding sides to pixels an area differs by up to 2 %.
    near(Math.min(...shares), 0.02, 0.002);
    near(Math.max(...shares), 0.33, 0.01);
    // Large rectangles that are high do not fit this image and are drawn anew, so the means lie a little lower.
    near(shares.reduce((sum, x) => sum + x, 0) / shares.length, 0.175, 0.02);
    near(Math.min(...ratios), Math.log(0.3), 0.05);
    near(Math.max(...ratios), Math.log(3.3), 0.05);
    near(ratios.reduce((sum, x) => sum + x, 0) / ratios.length, 0, 0.1);
  });
  test("is none where no attempt fits", () => {
    const whole = { probability: 1, area: [1, 1], ratio: [1, 1] } as const;
    assert.equal(drawRectangle(image, whole, drawsOfImage("test", { seed: 0, epoch: 0, index: 0 })), null);
  });
});

test("an image is erased by seed, epoch and image, whatever batch it comes in, and the batch itself stays", () => {
  const method = new RandomErasingMethod({ ...options, probability: 1 });
  method.fit(fitContext({ seed: 7, stepsPerEpoch: 10 }));
  const [height, width] = [12, 14];
  const size = 2 * height * width;
  const erase = (indices: readonly number[], step: number) => {
    const images = tensor(new Float32Array(indices.length * size).fill(1), {
      shape: [indices.length, 2, height, width],
    });
    const labels = tensor(BigInt64Array.from(indices, () => 0n));
    const made = method.batch({ images, labels, indices: Int32Array.from(indices), along: {} }, step);
    assert.ok((images.toTypedArray() as Float32Array).every((pixel) => pixel === 1));
    const pixels = Array.from(made.images.toTypedArray(), Number);
    return indices.map((_, i) => pixels.slice(i * size, (i + 1) * size));
  };
  const [five, nine] = erase([5, 9], 23) as [number[], number[]];
  assert.deepEqual(erase([9, 8, 5], 29).map(String), [nine, erase([8], 20)[0], five].map(String));
  assert.notDeepEqual(erase([5], 33)[0], five);
  // Epoch 2, image 5: what is 0 is the rectangle, of both channels.
  const drawn = drawRectangle(
    { height, width },
    { ...options, probability: 1 },
    drawsOfImage("random-erasing", { seed: 7, epoch: 2, index: 5 }),
  );
  assert.ok(drawn !== null);
  const { top, left, height: high, width: wide } = drawn;
  for (const [place, pixel] of five.entries()) {
    const [y, x] = [Math.floor(place / width) % height, place % width];
    const isInside = y >= top && y < top + high && x >= left && x < left + wide;
    assert.equal(pixel, isInside ? 0 : 1, `pixel ${y}, ${x}`);
  }
});
