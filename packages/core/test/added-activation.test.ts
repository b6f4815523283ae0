import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  activationNamed,
  activations,
  addActivation,
  formatVariant,
  parseVariant,
  type SmoothActivation,
  smoothActivations,
  stochasticVariance,
  weighted,
  weightedDerivative,
} from "@pea/core";
import { assertUsageError } from "./usage-error.ts";

/** x/2, whose ensembles can be told by head. */
const half: SmoothActivation = {
  name: "half",
  title: "Half of x",
  aliases: ["halved"],
  letter: "D",
  f: (x) => x / 2,
  df: () => 1 / 2,
};

addActivation(half);

describe("an activation that was added", () => {
  test("stands after the others, by name and alias", () => {
    assert.deepEqual(Object.keys(activations), [
      "relu",
      "gelu",
      "swish",
      "mish",
      "elu",
      "hardswish",
      "gelu-tanh",
      "half",
    ]);
    assert.equal(smoothActivations().at(-1), half);
    assert.equal(activationNamed("half"), half);
    assert.equal(activationNamed("halved"), half);
  });

  test("has variant codes by its letter", () => {
    const variant = { ensemble: "weighted", smooth: "half", end: { share: 0.75 } } as const;
    assert.deepEqual(parseVariant("WD75%"), variant);
    assert.equal(formatVariant(variant), "WD75%");
    assertUsageError(
      () => parseVariant("WX90"),
      /then G, S, M, E, H, T, D or O \(GELU, Swish, Mish, ELU, Hardswish, GELU \(tanh\), Half of x, the network's own\)/,
    );
  });

  test("goes into ensembles", () => {
    // α·ReLU(x) + (1 − α)·x/2 at α = 1/4, and the variance of its draw.
    assert.equal(weighted(2, 0.25, "half"), 1.25);
    assert.equal(weighted(-2, 0.25, "half"), -0.75);
    assert.equal(weightedDerivative(2, 0.25, "half"), 0.625);
    assert.equal(weightedDerivative(-2, 0.25, "half"), 0.375);
    assert.equal(stochasticVariance(2, 0.25, "half"), 0.1875);
  });
});

describe("an activation is refused", () => {
  const refuses = (changes: Partial<SmoothActivation>, message: RegExp) => {
    assertUsageError(
      () => addActivation({ ...half, name: "other", aliases: [], letter: "O", ...changes }),
      message,
    );
    assert.equal(activationNamed("other"), null);
  };

  test("whose name or alias is taken", () => {
    refuses({ name: "half" }, /^an activation named half exists already; choose another name$/);
    refuses({ name: "relu" }, /^an activation named relu exists already/);
    refuses({ name: "silu" }, /^an activation named silu exists already: it is Swish; choose another name$/);
    refuses({ aliases: ["gelu"] }, /^an activation named gelu exists already/);
  });

  test("whose name is none for settings and files", () => {
    for (const name of ["", "Half", "half of x", "2half", "__proto__", "a/b"])
      refuses({ name }, /^the name of an activation must be small letters, digits and dashes, .* not "/);
  });

  test("whose letter is taken, with those that are free", () => {
    refuses(
      { letter: "S" },
      /^the letter of activation other is S, which stands for swish; free are A, B, C, F, I,/,
    );
    refuses({ letter: "D" }, /is D, which stands for half/);
    refuses({ letter: "R" }, /is R, which stands for relu/);
  });

  test("whose letter is none", () => {
    for (const letter of ["", "s", "1", "AB", "Ä", undefined as unknown as string])
      refuses({ letter }, /^the letter of activation other must be a capital letter, not .*; free are A, B/);
  });
});

test("a name that no smooth activation has is refused with those that there are", () => {
  for (const name of ["relu", "softsign", "constructor"])
    assertUsageError(
      () => weighted(1, 0.5, name),
      new RegExp(`^smooth must be one of gelu, swish, mish, elu, hardswish, gelu-tanh, half, not ${name}$`),
    );
});
