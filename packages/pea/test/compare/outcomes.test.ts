import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compareVariants } from "../../src/compare/compare.ts";
import { outcomesOf } from "../../src/compare/outcomes.ts";
import type { Result } from "../../src/compare/results.ts";

/** A run of ten epochs. `scores`: validation and test of the epochs up to the last. */
function result(
  variant: string,
  scores: readonly (readonly [validation: number, test: number])[],
  { finalFrom, best }: { finalFrom?: number; best: number | null },
): Result {
  return {
    network: "mobilenet-0.25-small",
    dataset: "fashion-mnist",
    variant,
    seed: 0,
    metric: "top1",
    test: { best, last: scores.at(-1)?.[1] ?? 0 },
    epochs: scores.map(([currentScore, testScore], i) => ({
      epoch: 10 - scores.length + i + 1,
      trainLoss: null,
      validationLoss: null,
      currentScore,
      deployedScore: currentScore,
      testScore,
      alpha: null,
      learningRate: null,
    })),
    ...(finalFrom !== undefined && {
      phases: [
        { name: "transition", firstEpoch: 0, endEpoch: finalFrom },
        { name: "final", firstEpoch: finalFrom, endEpoch: 10 },
      ],
    }),
  };
}

// Epochs 6 to 10: by validation the best of all is epoch 6, of the last three 9, of the last one 10.
const baseline = result(
  "ReLU",
  [
    [95, 91],
    [90, 92],
    [92, 93],
    [94, 94],
    [93, 95],
  ],
  { best: 91 },
);
const pea = (variant: string, finalFrom: number, best: number | null) =>
  result(variant, [[90, 96]], { finalFrom, best });
const difference = (run: Result, source: "best" | "last" = "best") =>
  compareVariants(outcomesOf([baseline, run], source, "ReLU")).map(({ differences }) => differences[0]);

describe("the baseline's best model", () => {
  it("is chosen by validation from the epochs that lie wholly in the variant's final phase", () => {
    assert.deepEqual(difference(pea("SM50%", 5, 96)), [96 - 91]);
    assert.deepEqual(difference(pea("SM70%", 7, 96)), [96 - 94]);
    assert.deepEqual(difference(pea("SM75%", 7.5, 96)), [96 - 94]);
    assert.deepEqual(difference(pea("SM90%", 9, 96)), [96 - 95]);
  });

  it("is the run's own for a variant without phases, and where the baseline's test scores by epoch are not known", () => {
    assert.deepEqual(difference(result("mish", [[90, 96]], { best: 96 })), [96 - 91]);
    const unknown = { ...baseline, epochs: [] };
    const [comparison] = compareVariants(outcomesOf([unknown, pea("SM90%", 9, 96)], "best", "ReLU"));
    assert.deepEqual(comparison?.differences, [96 - 91]);
  });

  it("is chosen among equals by the lower loss as the run's own was, and where that was not, the first of them", () => {
    const level = result(
      "ReLU",
      [
        [93, 91],
        [93, 92],
        [93, 93],
      ],
      { best: 91 },
    );
    const epochs = level.epochs.map((point, i) => ({ ...point, validationLoss: [0.5, 0.4, 0.4][i] ?? null }));
    const differenceOf = (selected: Result["selected"]) => {
      const results = [{ ...level, epochs, selected }, pea("SM70%", 7, 96)];
      return compareVariants(outcomesOf(results, "best", "ReLU"))[0]?.differences;
    };
    assert.deepEqual(differenceOf({ epoch: 8, validation: 93, loss: 0.4 }), [96 - 93]);
    assert.deepEqual(differenceOf({ epoch: 8, validation: 93 }), [96 - 91]);
    assert.deepEqual(differenceOf(undefined), [96 - 91]);
  });
});

describe("outcomes", () => {
  it("of the best models leave out a run that has none", () => {
    assert.deepEqual(difference(pea("SM96%", 9.6, null)), []);
  });

  it("of the last models compare with the last", () => {
    assert.deepEqual(difference(pea("SM96%", 9.6, null), "last"), [96 - 95]);
  });
});
