import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { Preprocessing } from "../../src/images/preprocess.ts";
import { preprocess, preprocessClasses } from "../../src/images/preprocess.ts";
import { scaleImage } from "../../src/images/scale.ts";

const noise = (length: number) =>
  Uint8Array.from({ length }, (_, i) => (i * 7919 + (i >> 3) * 104_729) % 256);

describe("scaling a whole image", () => {
  it("is PyTorch's antialiased bilinear, rounded to the nearest", () => {
    const [width, height] = [37, 24];
    const data = noise(3 * width * height);
    const sizes = [
      [12, 16],
      [6, 37],
      [30, 50],
      [5, 7],
    ];
    const script = fileURLToPath(new URL("../oracle/antialias.py", import.meta.url));
    const task = JSON.stringify({ data: [...data], width, height, sizes });
    const expected = JSON.parse(
      execFileSync("/usr/bin/python3", ["-B", script, task]).toString(),
    ) as number[][];
    for (const [i, [outHeight = 0, outWidth = 0]] of sizes.entries()) {
      const { data: scaled } = scaleImage({ data, width, height }, { width: outWidth, height: outHeight });
      assert.equal(scaled.length, expected[i]?.length);
      for (const [place, value] of scaled.entries())
        assert.ok(Math.abs(value - (expected[i]?.[place] as number)) <= 0.501, `size ${i}, place ${place}`);
    }
  });
  it("leaves an image of the wanted size as it is", () => {
    const image = { data: noise(3 * 40), width: 8, height: 5 };
    assert.equal(scaleImage(image, { width: 8, height: 5 }), image);
  });
});

/** An image whose red tells the class of each pixel, from 1, and its map of classes. */
const size = { width: 12, height: 9 };
const classes = Uint8Array.from({ length: 108 }, (_, i) => 1 + (i % 100));
const image = {
  ...size,
  decode: (window: { left: number; top: number; width: number; height: number }) => ({
    pixels: {
      ...size,
      data: Uint8Array.from({ length: 324 }, (_, i) => classes[Math.floor(i / 3)] as number),
    },
    window,
  }),
};
const preprocessing: Preprocessing = {
  crop: "whole",
  size,
  exifOrientation: true,
  flip: true,
  padding: 2,
};

function augmented(epoch: number) {
  const key = { seed: 3, epoch, index: 5 };
  const pixels = new Uint8Array(324);
  const labels = new Uint8Array(108);
  preprocess(image, preprocessing, key, pixels);
  preprocessClasses({ ...size, data: classes }, preprocessing, key, labels);
  return { pixels, labels };
}

describe("augmentation of an image and its label map (spec recipes 3.5)", () => {
  it("moves both alike; what comes in is black and ignored, on all four sides", () => {
    let ignored = 0;
    for (let epoch = 0; epoch < 100; epoch++) {
      const { pixels, labels } = augmented(epoch);
      for (const [i, label] of labels.entries()) {
        assert.equal(pixels[3 * i], label === 255 ? 0 : label);
        if (label === 255) ignored++;
      }
    }
    assert.ok(ignored > 0);
  });
  it("mirrors half of the images and shifts them by −2 to 2 pixels in both directions", () => {
    const seen = new Map<string, number>();
    let mirrored = 0;
    for (let epoch = 0; epoch < 1000; epoch++) {
      const { labels } = augmented(epoch);
      // The middle of the output is never moved in; its neighbour to the right tells the direction.
      const [row, column] = [4, 6];
      const there = (labels[row * 12 + column] as number) - 1;
      const next = (labels[row * 12 + column + 1] as number) - 1;
      const isMirrored = next < there;
      if (isMirrored) mirrored++;
      const shown = isMirrored ? 11 - (there % 12) : there % 12;
      const shift = `${Math.floor(there / 12) - row},${shown - column}`;
      seen.set(shift, (seen.get(shift) ?? 0) + 1);
    }
    assert.equal(seen.size, 25);
    for (const shift of seen.keys()) assert.match(shift, /^-?[0-2],-?[0-2]$/);
    // Five standard deviations of a binomial.
    assert.ok(Math.abs(mirrored - 500) < 5 * Math.sqrt(250), `${mirrored}`);
    for (const count of seen.values()) assert.ok(Math.abs(count - 40) < 5 * Math.sqrt(1000 * 0.04 * 0.96));
  });
  it("is a function of seed, epoch and index", () => {
    assert.deepEqual(augmented(7), augmented(7));
    assert.notDeepEqual(augmented(7).labels, augmented(8).labels);
  });
  it("takes the class at each pixel's centre where the map is larger", () => {
    const large = Uint8Array.from({ length: 16 * 8 }, (_, i) => i);
    const out = new Uint8Array(8);
    const still = { ...preprocessing, size: { width: 4, height: 2 }, flip: false, padding: 0 };
    preprocessClasses({ data: large, width: 16, height: 8 }, still, { seed: 0, epoch: 0, index: 0 }, out);
    // (0.5 · 4, 0.5 · 4) = row 2, column 2, and so on by 4.
    assert.deepEqual([...out], [34, 38, 42, 46, 98, 102, 106, 110]);
  });
});
