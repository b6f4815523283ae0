import assert from "node:assert/strict";
import { test } from "node:test";
import { stochasticMask } from "@pea/core";
import { ensembleMask } from "../src/mask.ts";

const keys = [
  { alpha: 0.3, seed: 1, site: 2, step: 3 },
  { alpha: 0.999, seed: -7, site: 0, step: 2 ** 40 },
  { alpha: 1e-6, seed: 5, site: 1, step: 0 },
  { alpha: 0.5, seed: 2 ** 52, site: 100, step: 7 },
];

for (const { alpha, ...key } of keys)
  test(`@pea/core draws the kernels' mask, bit for bit: alpha ${alpha}, ${JSON.stringify(key)}`, () => {
    const count = 100_003;
    const drawn = Uint8Array.from(
      ensembleMask(count, { alpha, ...key }).toTypedArray() as Uint8Array,
      Number,
    );
    assert.deepEqual(stochasticMask(count, alpha, key), drawn);
  });
