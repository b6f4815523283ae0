import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { costsOf, planPilot } from "../../src/advise/pilot.ts";

const full = { epochs: 40, batchSize: 100, images: 10_000, validationImages: 1000, testImages: 2000 };

describe("costs of runs", () => {
  it("training is charged by image, and all else by the images that were scored", () => {
    const costs = costsOf({ steps: 20, whole: 50 }, { epochs: 1, images: 2000 }, full);
    assert.deepEqual(
      Object.values(costs).map((value) => Number((value / 1.15).toFixed(9))),
      [0.01, 10, 30],
    );
  });

  it("a run scores no more validation images than it trains on", () => {
    const costs = costsOf({ steps: 20, whole: 45 }, { epochs: 1, images: 500 }, full);
    assert.equal(costs.perEpoch.toFixed(9), ((1.15 * 25) / 2.5).toFixed(9));
  });
});

describe("length of a pilot's runs", () => {
  // An epoch takes 2 + 10 s.
  const costs = { perImage: 0.001, perEpoch: 2, perRun: 4 };
  const planned = (seconds: number, given: Partial<typeof full> = {}) =>
    planPilot(costs, { ...full, ...given }, { runs: 30, time: 30 * seconds + 60, spent: 60 });

  it("as many epochs of all images as there is time for", () => {
    assert.deepEqual(planned(4 + 9 * 12 + 11), { epochs: 9, images: 10_000 });
  });

  it("no longer than the recipe's own", () => {
    assert.deepEqual(planned(10_000), { epochs: 40, images: 10_000 });
    assert.deepEqual(planned(10_000, { epochs: 6 }), { epochs: 6, images: 10_000 });
  });

  it("eight epochs of whole batches where there is not time for all images", () => {
    assert.deepEqual(planned(4 + 8 * 5), { epochs: 8, images: 3000 });
    assert.deepEqual(planned(4 + 8 * 5 - 0.1), { epochs: 8, images: 2900 });
  });

  it("four at least, so that the last lies wholly behind the turn to ReLU", () => {
    assert.equal(planned(10_000, { epochs: 2 }).epochs, 4);
  });

  it("a time too short is refused, with one that is not", () => {
    // A minute, and 30 runs of 4 + 8 · (2 + 1) s.
    assert.throws(
      () => planned(4 + 8 * 3 - 0.1),
      /14 min 57 s are too short for 30 runs .* a --time of at least 15m/,
    );
    assert.equal(planned(4 + 8 * 3).images, 1000);
  });
});
