import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { call, permute, tensor } from "@pea/torch";
import { type Pixels, resample, sourceCoordinate } from "../../src/images/resample.ts";
import type { Window } from "../../src/images/transforms/crop.ts";

const still = { isMirrored: false, top: 0, left: 0 };

function noise(width: number, height: number): Pixels {
  return {
    width,
    height,
    data: Uint8Array.from({ length: 3 * width * height }, (_, i) => (i * 7919 + (i >> 3) * 104_729) % 256),
  };
}

function resampled(
  image: Pixels,
  size: { width: number; height: number },
  {
    window = { left: 0, top: 0, width: image.width, height: image.height } as Window,
    move = still,
    padding = 0,
  } = {},
): Uint8Array {
  const out = new Uint8Array(3 * size.width * size.height).fill(99);
  resample(image, window, { size, move, padding }, out);
  return out;
}

/** Pixel (x, y) of an image of some width. */
const pixel = (data: Uint8Array, width: number, x: number, y: number) =>
  Array.from(data.subarray(3 * (y * width + x), 3 * (y * width + x) + 3));

describe("source coordinates (oracles of spec recipes 1.5)", () => {
  it("have half-pixel centres", () => {
    const found = [0, 1, 223].map((out) => sourceCoordinate(out, 437, 224));
    for (const [i, expected] of [0.4754, 2.4263, 435.5246].entries())
      assert.ok(Math.abs((found[i] as number) - expected) < 5e-5, `${found[i]}`);
  });
  it("do not leave the image where it grows", () => assert.equal(sourceCoordinate(0, 10, 20), 0));
});

describe("resampling", () => {
  const cases: [string, Pixels, { width: number; height: number }, Window][] = [
    ["shrinks", noise(97, 61), { width: 32, height: 32 }, { left: 0, top: 0, width: 97, height: 61 }],
    ["grows", noise(9, 7), { width: 20, height: 33 }, { left: 0, top: 0, width: 9, height: 7 }],
    [
      "takes a window alone",
      noise(50, 40),
      { width: 24, height: 16 },
      { left: 11, top: 5, width: 30, height: 31 },
    ],
    ["takes one pixel", noise(5, 5), { width: 4, height: 4 }, { left: 4, top: 4, width: 1, height: 1 }],
  ];
  for (const [what, image, size, window] of cases)
    it(`${what} as libtorch's bilinear interpolation, rounded to bytes`, () => {
      const cut: number[] = [];
      for (let y = 0; y < window.height; y++)
        for (let x = 0; x < window.width; x++)
          cut.push(...pixel(image.data, image.width, window.left + x, window.top + y));
      const planes = permute(
        tensor(Float64Array.from(cut), { shape: [1, window.height, window.width, 3] }),
        [0, 3, 1, 2],
      );
      const scaled = call("aten::upsample_bilinear2d", planes, [size.height, size.width], false, null, null);
      const expected = permute(scaled, [0, 2, 3, 1]).toTypedArray() as Float64Array;
      const found = resampled(image, size, { window });
      assert.equal(found.length, expected.length);
      for (const [i, value] of expected.entries())
        assert.ok(Math.abs((found[i] as number) - value) <= 0.5 + 1e-9, `${i}: ${found[i]} is not ${value}`);
    });

  it("leaves an image of the right size as it is", () => {
    const image = noise(6, 5);
    assert.deepEqual(resampled(image, image), image.data);
  });

  it("does not look beyond its window", () => {
    const image = noise(8, 8);
    const window = { left: 2, top: 2, width: 3, height: 3 };
    const before = resampled(image, { width: 9, height: 9 }, { window });
    const other = { ...image, data: image.data.slice() };
    for (let y = 0; y < 8; y++)
      for (let x = 0; x < 8; x++)
        if (x < 2 || x > 4 || y < 2 || y > 4) other.data.fill(0, 3 * (y * 8 + x), 3 * (y * 8 + x) + 3);
    assert.deepEqual(resampled(other, { width: 9, height: 9 }, { window }), before);
  });

  it("mirrors, then moves, and fills with black", () => {
    const image = noise(5, 4);
    for (const isMirrored of [false, true])
      for (let top = 0; top <= 4; top++)
        for (let left = 0; left <= 4; left++) {
          const found = resampled(image, image, { move: { isMirrored, top, left }, padding: 2 });
          for (let y = 0; y < 4; y++)
            for (let x = 0; x < 5; x++) {
              const fromX = (isMirrored ? 4 - x : x) + left - 2;
              const fromY = y + top - 2;
              const inside = fromX >= 0 && fromX < 5 && fromY >= 0 && fromY < 4;
              assert.deepEqual(
                pixel(found, 5, x, y),
                inside ? pixel(image.data, 5, fromX, fromY) : [0, 0, 0],
              );
            }
        }
  });

  it("moves as the augmentation of images in memory does", async () => {
    const { moveBatch } = await import("../../src/images/transforms/move-batch.ts");
    const { drawMove } = await import("../../src/images/transforms/move.ts");
    const image = noise(7, 6);
    const options = { flip: true, padding: 3 };
    for (let index = 0; index < 20; index++) {
      const planes = permute(tensor(image.data, { shape: [1, 6, 7, 3] }), [0, 3, 1, 2]);
      const moved = moveBatch(planes, options, { seed: 8, epoch: 1, indices: Int32Array.of(index) });
      const move = drawMove(options, { seed: 8, epoch: 1, index });
      assert.deepEqual(
        resampled(image, image, { move, padding: 3 }),
        permute(moved, [0, 2, 3, 1]).toTypedArray(),
      );
    }
  });
});
