import assert from "node:assert/strict";
import { test } from "node:test";
import { formatVariant, parseVariant, type Variant } from "@pea/core";
import fc from "fast-check";
import { assertUsageError } from "./usage-error.ts";

test("codes name the ensemble, the smooth activation and the transition's end", () => {
  const cases: [string, Variant][] = [
    ["WG90", { ensemble: "weighted", smooth: "gelu", end: { epochs: 90 } }],
    ["SM115", { ensemble: "stochastic", smooth: "mish", end: { epochs: 115 } }],
    ["SS90", { ensemble: "stochastic", smooth: "swish", end: { epochs: 90 } }],
    ["WM450", { ensemble: "weighted", smooth: "mish", end: { epochs: 450 } }],
    ["WE90", { ensemble: "weighted", smooth: "elu", end: { epochs: 90 } }],
    ["WH90", { ensemble: "weighted", smooth: "hardswish", end: { epochs: 90 } }],
    ["ST75%", { ensemble: "stochastic", smooth: "gelu-tanh", end: { share: 0.75 } }],
    ["WO75%", { ensemble: "weighted", smooth: "own", end: { share: 0.75 } }],
    ["SM75%", { ensemble: "stochastic", smooth: "mish", end: { share: 0.75 } }],
    ["WG62.5%", { ensemble: "weighted", smooth: "gelu", end: { share: 0.625 } }],
    ["WG7%", { ensemble: "weighted", smooth: "gelu", end: { share: 0.07 } }],
  ];
  for (const [code, variant] of cases) {
    assert.deepEqual(parseVariant(code), variant, code);
    assert.equal(formatVariant(variant), code);
  }
});

test("a variant written and read again is the same", () => {
  const variants = fc.record(
    {
      ensemble: fc.constantFrom("weighted" as const, "stochastic" as const),
      smooth: fc.constantFrom(
        "gelu" as const,
        "swish" as const,
        "mish" as const,
        "elu" as const,
        "hardswish" as const,
        "gelu-tanh" as const,
        "own" as const,
      ),
      end: fc.oneof(
        fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }).map((epochs) => ({ epochs })),
        fc.integer({ min: 1, max: 99_999 }).map((parts) => ({ share: parts / 100_000 })),
      ),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(variants, (variant) => assert.deepEqual(parseVariant(formatVariant(variant)), variant)),
    { numRuns: 1000 },
  );
});

test("what is no code is refused with the form", () => {
  for (const code of ["", "WG", "90", "XG90", "wg90", "WG-5", "WG90ep", " WG90", "WG90 ", "GW90", "WG%"]) {
    assertUsageError(
      () => parseVariant(code),
      new RegExp(
        `^variant code "${code}" cannot be read; write W or S .* \\(WG90\\) or a share of the run \\(SM75%\\)$`,
      ),
    );
  }
  assertUsageError(
    () => parseVariant("WX90"),
    /"WX90" has the letter X, which is no activation's; .*, then G, S, M, E, H, T or O \(GELU, Swish, Mish, ELU, Hardswish, GELU \(tanh\), the network's own\)/,
  );
  assertUsageError(() => parseVariant("WG0"), /"WG0" leaves no training with the smooth activation/);
  assertUsageError(() => parseVariant("SM0%"), /"SM0%" leaves no training with the smooth activation/);
  assertUsageError(() => parseVariant("SM100%"), /"SM100%" leaves no final phase/);
  assertUsageError(() => parseVariant("WG90.5"), /"WG90.5" ends within an epoch/);
});
