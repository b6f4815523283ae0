import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { crossEntropyLoss, setNumThreads, type Tensor, tensor } from "@pea/torch";
import { drawBeta } from "../../../src/methods/draw-beta.ts";
import { drawsOf } from "../../../src/methods/draws.ts";
import { MixupMethod } from "../../../src/methods/index.ts";
import { mixtureOf } from "../../../src/methods/mixup/mixup-method.ts";
import { fitContext } from "../../support/fit-context.ts";
import { numbers } from "../../support/numbers.ts";
import { usage } from "../../support/usage-error.ts";

setNumThreads(1);

describe("the draws of a method", () => {
  const take = (method: string, seed: number, step: number) => {
    const draws = drawsOf(method, seed, step);
    return Array.from({ length: 9 }, () => draws.uniform());
  };
  test("are the same whenever they are asked for, and others by method, seed and step", () => {
    assert.deepEqual(take("mixup", 1, 5), take("mixup", 1, 5));
    const all = [take("mixup", 1, 5), take("other", 1, 5), take("mixup", 2, 5), take("mixup", 1, 6)].flat();
    assert.equal(new Set(all).size, all.length);
  });
  test("are uniform, normal, and orders of equal probability", () => {
    const draws = drawsOf("test", 0, 0);
    const normals = Array.from({ length: 20_000 }, () => draws.normal());
    const mean = normals.reduce((sum, x) => sum + x, 0) / normals.length;
    const variance = normals.reduce((sum, x) => sum + x * x, 0) / normals.length;
    assert.ok(Math.abs(mean) < 4 / Math.sqrt(20_000), `${mean}`);
    assert.ok(Math.abs(variance - 1) < 4 * Math.sqrt(2 / 20_000), `${variance}`);
    const orders = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const order = draws.permutation(3).join();
      orders.set(order, (orders.get(order) ?? 0) + 1);
    }
    assert.equal(orders.size, 6);
    for (const count of orders.values()) assert.ok(Math.abs(count - 1000) < 120, `${count}`);
  });
});

describe("the share of an image", () => {
  /** Distribution functions of Beta(α, α) that are known in closed form. */
  const known: [number, (x: number) => number][] = [
    [0.5, (x) => (2 / Math.PI) * Math.asin(Math.sqrt(x))],
    [1, (x) => x],
    [2, (x) => 3 * x ** 2 - 2 * x ** 3],
  ];
  for (const [alpha, distribution] of known)
    test(`is distributed as Beta(${alpha}, ${alpha})`, () => {
      const draws = drawsOf("test", 3, 0);
      const found = Array.from({ length: 5000 }, () => drawBeta(alpha, draws)).sort((a, b) => a - b);
      const distance = Math.max(
        ...found.map((x, i) =>
          Math.max(Math.abs(distribution(x) - i / 5000), Math.abs(distribution(x) - (i + 1) / 5000)),
        ),
      );
      // Kolmogorov and Smirnov's, at one in a thousand.
      assert.ok(distance < 1.95 / Math.sqrt(5000), `${distance}`);
    });
  test("is a number also where α is next to nothing, then 0 or 1", () => {
    const draws = drawsOf("test", 3, 0);
    for (let i = 0; i < 100; i++) {
      const share = drawBeta(1e-3, draws);
      assert.ok(share < 1e-6 || share > 1 - 1e-6 || (share >= 0 && share <= 1));
    }
  });
});

describe("a mixed batch", () => {
  const images = tensor(
    Float32Array.from({ length: 4 * 6 }, (_, i) => Math.sin(i)),
    { shape: [4, 1, 2, 3] },
  );
  const labels = tensor(BigInt64Array.of(0n, 1n, 2n, 1n));
  const indices = Int32Array.of(0, 1, 2, 3);
  const fitted = (alpha = 1) => {
    const method = new MixupMethod({ alpha });
    method.fit(fitContext({ task: "classification" }));
    return method;
  };

  test("is λ of each image and the rest of its partner, by seed and step", () => {
    const { share, partners } = mixtureOf(4, { alpha: 1, seed: 7, step: 11 });
    const mixed = fitted().batch({ images, labels, indices, along: {} }, 11);
    const [own, found] = [numbers(images), numbers(mixed.images)];
    for (const [place, value] of found.entries()) {
      const [image, pixel] = [Math.floor(place / 6), place % 6];
      const partner = own[(partners[image] as number) * 6 + pixel] as number;
      assert.ok(Math.abs(value - (share * (own[place] as number) + (1 - share) * partner)) < 1e-6);
    }
    assert.deepEqual(numbers(mixed.labels), [0, 1, 2, 1]);
    assert.deepEqual(
      numbers(mixed.along.mixup as Tensor),
      Array.from(partners, (i) => [0, 1, 2, 1][i] as number),
    );
    assert.deepEqual(numbers(fitted().batch({ images, labels, indices, along: {} }, 11).images), found);
    assert.notDeepEqual(numbers(fitted().batch({ images, labels, indices, along: {} }, 12).images), found);
  });

  test("has the cross-entropy of its mixed labels", () => {
    const method = fitted();
    const batch = method.batch({ images, labels, indices, along: {} }, 11);
    const { share, partners } = mixtureOf(4, { alpha: 1, seed: 7, step: 11 });
    const rows = [
      [1, 2, 0],
      [0, -1, 1],
      [3, 0, 0],
      [0.5, 0.5, 2],
    ];
    const logits = tensor(rows.flat(), { shape: [4, 3] });
    const lossAgainst = (labels: Tensor) => crossEntropyLoss(logits, labels);
    const loss = method.loss(lossAgainst(labels), { ...batch, step: 11, part: 0, logits, lossAgainst });
    const own = [0, 1, 2, 1];
    const expected = rows.reduce((sum, row, i) => {
      const normalizer = Math.log(row.reduce((total, logit) => total + Math.exp(logit), 0));
      const logProbability = (label: number) => (row[label] as number) - normalizer;
      const other = own[partners[i] as number] as number;
      return sum - (share * logProbability(own[i] as number) + (1 - share) * logProbability(other)) / 4;
    }, 0);
    assert.ok(Math.abs(loss.item() - expected) < 1e-6, `${loss.item()} is not ${expected}`);
  });

  test("is refused in segmentation, with the reason", () => {
    assert.throws(
      () => new MixupMethod({ alpha: 1 }).fit(fitContext({ task: "segmentation" })),
      usage(/mixup does not go with segmentation: .*each pixel has its own.*leave mixup out/),
    );
  });
});
