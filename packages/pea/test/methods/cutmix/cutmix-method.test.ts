import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { crossEntropyLoss, setNumThreads, type Tensor, tensor } from "@pea/torch";
import { cutBox, cutOf } from "../../../src/methods/cutmix/cutmix-method.ts";
import type { Draws } from "../../../src/methods/draws.ts";
import { CutMixMethod } from "../../../src/methods/index.ts";
import { fitContext } from "../../support/fit-context.ts";
import { numbers } from "../../support/numbers.ts";
import { usage } from "../../support/usage-error.ts";

setNumThreads(1);

/** Uniform numbers that were drawn beforehand. */
const uniforms = (...values: number[]): Draws => ({
  uniform: () => values.shift() as number,
  normal: () => Number.NaN,
  permutation: () => new Int32Array(),
});

describe("the rectangle", () => {
  const image = { height: 32, width: 24 };
  test("is of the authors' rand_bbox: half sides ⌊⌊length·√(1 − λ)⌋ / 2⌋ around the centre", () => {
    // √(1 − 0.75) = ½: half sides 6 and 8.
    const box = cutBox(0.75, image, uniforms(10.5 / 24, 20.5 / 32));
    assert.deepEqual(box, { left: 4, right: 16, top: 12, bottom: 28 });
  });
  test("is cut off at the borders", () => {
    const corner = cutBox(0.75, image, uniforms(0.5 / 24, 31.5 / 32));
    assert.deepEqual(corner, { left: 0, right: 6, top: 23, bottom: 32 });
  });
  test("is nothing at λ = 1, and of the image around its middle all at λ = 0", () => {
    const nothing = cutBox(1, image, uniforms(0.5, 0.5));
    assert.equal((nothing.right - nothing.left) * (nothing.bottom - nothing.top), 0);
    assert.deepEqual(cutBox(0, image, uniforms(0.5, 0.5)), { left: 0, right: 24, top: 0, bottom: 32 });
  });
});

describe("a batch", () => {
  const [count, height, width] = [4, 6, 5] as const;
  const images = tensor(
    Float32Array.from({ length: count * 2 * height * width }, (_, i) => Math.sin(i)),
    { shape: [count, 2, height, width] },
  );
  const classes = [0, 1, 2, 1];
  const labels = tensor(BigInt64Array.from(classes, BigInt));
  const batch = { images, labels, indices: Int32Array.of(0, 1, 2, 3), along: {} };
  const fitted = (options = { alpha: 1, probability: 1 }) => {
    const method = new CutMixMethod(options);
    method.fit(fitContext({ task: "classification" }));
    return method;
  };
  const cut = (step: number) => {
    const found = cutOf([count, 2, height, width], { alpha: 1, probability: 1, seed: 7, step });
    assert.ok(found !== null);
    return found;
  };
  /** A step whose rectangle is neither nothing nor all. */
  const step =
    Array.from({ length: 50 }, (_, i) => i).find((i) => cut(i).share > 0.3 && cut(i).share < 0.7) ?? 0;

  test("has in the rectangle the partner's pixels, of all channels, and its own around it", () => {
    const { box, partners } = cut(step);
    const mixed = fitted().batch(batch, step);
    const own = numbers(images);
    for (const [place, value] of numbers(mixed.images).entries()) {
      const image = Math.floor(place / (2 * height * width));
      const [y, x] = [Math.floor(place / width) % height, place % width];
      const isInside = y >= box.top && y < box.bottom && x >= box.left && x < box.right;
      const from = isInside ? (partners[image] as number) : image;
      assert.equal(value, own[place + (from - image) * 2 * height * width]);
    }
    assert.deepEqual(numbers(images), own, "the batch itself stays as it was");
  });

  test("has the loss of both labels in proportion to their pixels", () => {
    const { box, partners, share } = cut(step);
    const area = (box.bottom - box.top) * (box.right - box.left);
    assert.equal(share, 1 - area / (height * width));
    const method = fitted();
    const mixed = method.batch(batch, step);
    const logits = tensor([1, 2, 0, 0, -1, 1, 3, 0, 0, 0.5, 0.5, 2], { shape: [4, 3] });
    const lossAgainst = (labels: Tensor) => crossEntropyLoss(logits, labels);
    const loss = method.loss(lossAgainst(labels), { ...mixed, step, part: 0, logits, lossAgainst });
    const others = tensor(BigInt64Array.from(partners, (i) => BigInt(classes[i] as number)));
    const expected = share * lossAgainst(labels).item() + (1 - share) * lossAgainst(others).item();
    assert.ok(Math.abs(loss.item() - expected) < 1e-6);
  });

  test("is left alone in the other steps, loss included", () => {
    const options = { alpha: 1, probability: 0.3 };
    const steps = Array.from({ length: 1000 }, (_, i) => i);
    const isCut = (i: number) => cutOf([4, 2, 6, 5], { ...options, seed: 7, step: i }) !== null;
    const rate = steps.filter(isCut).length / 1000;
    // Four standard deviations of a share of 1000.
    assert.ok(Math.abs(rate - 0.3) < 4 * Math.sqrt((0.3 * 0.7) / 1000), `${rate}`);
    const left = steps.find((i) => !isCut(i)) as number;
    const method = fitted(options);
    const same = method.batch(batch, left);
    assert.equal(same.images, images);
    const loss = tensor([1]);
    const pass = { ...same, step: left, part: 0, logits: loss, lossAgainst: () => loss };
    assert.equal(method.loss(loss, pass), loss);
  });

  test("is refused in segmentation, with the reason", () => {
    assert.throws(
      () => new CutMixMethod({ alpha: 1, probability: 1 }).fit(fitContext({ task: "segmentation" })),
      usage(/cutmix does not go with segmentation: .*each pixel has its own.*leave cutmix out/),
    );
  });
});
