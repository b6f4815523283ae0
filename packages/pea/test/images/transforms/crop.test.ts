import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  centralCrop,
  distortedCrop,
  type Size,
  sizedCrop,
  torchvisionCrop,
  type Window,
} from "../../../src/images/transforms/crop.ts";

const photo = { width: 500, height: 375 };
const key = { seed: 4, epoch: 2 };
const draws = (crop: typeof distortedCrop, size: Size, count = 20_000): Window[] =>
  Array.from({ length: count }, (_, index) => crop(size, { ...key, index }));
const share = (windows: Window[], property: (window: Window) => boolean) =>
  windows.filter(property).length / windows.length;
const relativeArea = ({ width, height }: Window, image: Size) =>
  (width * height) / (image.width * image.height);

describe("the central crop (oracles of spec recipes 1.6)", () => {
  const cases: [height: number, width: number, side: number, top: number, left: number][] = [
    [375, 500, 328, 24, 86],
    [500, 333, 291, 105, 21],
    [224, 224, 196, 14, 14],
    [1000, 1000, 875, 63, 63],
    [1, 1, 1, 0, 0],
  ];
  for (const [height, width, side, top, left] of cases)
    it(`of ${height}×${width} is ${side} at (${top}, ${left})`, () => {
      assert.deepEqual(centralCrop({ width, height }), { width: side, height: side, top, left });
    });
});

describe("the crop of a size, as torchvision's Resize and CenterCrop", () => {
  const square = (side: number) => ({ width: side, height: side });

  it("is the central crop where the sides are as 224 to 256", () => {
    for (const image of [photo, { width: 333, height: 500 }, square(224), square(1000), square(1)])
      assert.deepEqual(sizedCrop(image, square(224), 256), centralCrop(image));
  });
  it("is 362 pixels of 375 where 232 are scaled to and 224 taken", () => {
    assert.deepEqual(sizedCrop(photo, square(224), 232), { width: 362, height: 362, top: 7, left: 69 });
  });
  it("is the largest central square where all of the shorter side is taken", () => {
    assert.deepEqual(sizedCrop(photo, square(224), 224), { width: 375, height: 375, top: 0, left: 63 });
  });
  it("has the form of the result", () => {
    assert.deepEqual(sizedCrop({ width: 100, height: 60 }, { width: 32, height: 16 }, 40), {
      ...{ width: 48, height: 24 },
      ...{ top: 18, left: 26 },
    });
  });
  it("lies in the middle of the image, as large as the formula says, within a pixel", () => {
    const side = fc.integer({ min: 1, max: 700 });
    fc.assert(
      fc.property(side, side, side, side, fc.nat(300), (width, height, outWidth, outHeight, more) => {
        const shorterSide = Math.max(outWidth, outHeight) + more;
        const window = sizedCrop({ width, height }, { width: outWidth, height: outHeight }, shorterSide);
        const scale = Math.min(width, height) / shorterSide;
        for (const [begin, length, whole, wanted] of [
          [window.left, window.width, width, scale * outWidth],
          [window.top, window.height, height, scale * outHeight],
        ] as const) {
          assert.ok(begin >= 0 && length >= 1 && begin + length <= whole);
          assert.ok(Math.abs(length - wanted) < 1);
          assert.ok(Math.abs(begin + length / 2 - whole / 2) <= 0.5);
        }
      }),
    );
  });
});

describe("the distorted crop (spec recipes 1.5)", () => {
  const windows = draws(distortedCrop, photo);

  it("covers 10 % of the image or more, with sides in a ratio from 0.75 to 1.33", () => {
    for (const window of windows) {
      assert.ok(relativeArea(window, photo) >= 0.1, `${relativeArea(window, photo)}`);
      const ratio = window.width / window.height;
      assert.ok(ratio > 0.74 && ratio < 1.34, `${ratio}`);
    }
  });
  it("never lies at the last place, unless it is as large as the image", () => {
    for (const { left, top, width, height } of windows) {
      assert.ok(left < photo.width - width || width === photo.width);
      assert.ok(top < photo.height - height || height === photo.height);
    }
    assert.ok(share(windows, ({ left, width }) => left === photo.width - width - 1) > 0);
  });
  it("is uniform in its height, not in its area", () => {
    // By integration: for a ratio r heights are uniform between their bounds, and areas below 10 % are drawn again.
    const [w, h] = [photo.width, photo.height];
    const steps = 1000;
    let [accepted, large] = [0, 0];
    for (let i = 0; i < steps; i++) {
      const ratio = 0.75 + (0.58 * (i + 0.5)) / steps;
      const lowest = Math.sqrt((0.05 * w * h) / ratio);
      const highest = Math.min(Math.sqrt((w * h) / ratio), w / ratio, h);
      const between = (area: number) =>
        Math.max(0, highest - Math.sqrt((area * w * h) / ratio)) / (highest - lowest);
      accepted += between(0.1);
      large += between(0.4);
    }
    const expected = large / accepted;
    const found = share(windows, (window) => relativeArea(window, photo) >= 0.4);
    // Five standard deviations of a binomial of 20,000.
    assert.ok(Math.abs(found - expected) < 0.018, `${found} is not ${expected}`);
  });
  it("lies anywhere with the same probability", () => {
    const middle = share(windows, ({ left, width }) => left + width / 2 < photo.width / 2);
    assert.ok(Math.abs(middle - 0.5) < 0.02, `${middle}`);
  });
  it("is the whole image where no window fits", () => {
    for (const size of [
      { width: 3, height: 500 },
      { width: 500, height: 3 },
    ])
      assert.deepEqual(distortedCrop(size, { ...key, index: 0 }), { left: 0, top: 0, ...size });
  });
});

describe("torchvision's crop", () => {
  const windows = draws(torchvisionCrop, photo);

  it("covers 8 % of the image or more, with sides in a ratio from 3/4 to 4/3", () => {
    for (const window of windows) {
      assert.ok(relativeArea(window, photo) > 0.079);
      const ratio = window.width / window.height;
      assert.ok(ratio > 0.745 && ratio < 1.345, `${ratio}`);
    }
  });
  it("is uniform in its area as far as every ratio fits, and log-uniform in its ratio", () => {
    // Up to 56 % of this image a window of any ratio fits.
    const small = windows.filter((window) => relativeArea(window, photo) < 0.56);
    const half = share(small, (window) => relativeArea(window, photo) < 0.32);
    assert.ok(Math.abs(half - 0.5) < 0.025, `${half}`);
    const upright = share(small, ({ width, height }) => width < height);
    assert.ok(Math.abs(upright - 0.5) < 0.025, `${upright}`);
  });
  it("may lie at the last place", () => {
    assert.ok(share(windows, ({ left, width }) => left === photo.width - width && width < photo.width) > 0);
  });
  it("is the largest central window where none fits", () => {
    assert.deepEqual(torchvisionCrop({ width: 300, height: 9 }, { ...key, index: 1 }), {
      width: 12,
      height: 9,
      top: 0,
      left: 144,
    });
    assert.deepEqual(torchvisionCrop({ width: 9, height: 300 }, { ...key, index: 1 }), {
      width: 9,
      height: 12,
      top: 144,
      left: 0,
    });
  });
});

for (const [name, crop] of Object.entries({ distortedCrop, torchvisionCrop }))
  describe(name, () => {
    it("lies in the image, whatever its size, and is the same for the same key", () => {
      const side = fc.integer({ min: 1, max: 700 });
      fc.assert(
        fc.property(side, side, fc.nat(), fc.nat(), fc.nat(), (width, height, seed, epoch, index) => {
          const window = crop({ width, height }, { seed, epoch, index });
          assert.ok(window.width >= 1 && window.height >= 1);
          assert.ok(window.left >= 0 && window.left + window.width <= width);
          assert.ok(window.top >= 0 && window.top + window.height <= height);
          assert.deepEqual(crop({ width, height }, { seed, epoch, index }), window);
        }),
        { numRuns: 1000 },
      );
    });
    it("differs by seed, epoch and sample", () => {
      const keys = [key, { ...key, seed: 5 }, { ...key, epoch: 3 }];
      const found = keys.flatMap((base) =>
        [0, 1].map((index) => JSON.stringify(crop(photo, { ...base, index }))),
      );
      assert.equal(new Set(found).size, found.length);
    });
  });
