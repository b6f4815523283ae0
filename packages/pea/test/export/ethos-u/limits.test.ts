import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { chips } from "../../../src/export/ethos-u/chips.ts";
import { notCompiled, notPlaced } from "../../../src/export/ethos-u/limits.ts";
import { notCompiledCases, npuCases } from "../../support/npu-cases.ts";
import { QuantizedBuilder, scaled, wideOperators } from "../../support/quantized-cases.ts";

describe("the table of an Ethos-U places what Vela places", () => {
  for (const { name, on, create } of npuCases)
    test(`${name}: ${on === "u85" ? "on U85 alone" : `on ${on}`}`, () => {
      const graph = create();
      for (const chip of chips) {
        const isPlaced = on === "all" || (on === "u85" && chip.name === "ethos-u85");
        const left = notPlaced(graph, chip.name);
        assert.equal(left.length, isPlaced ? 0 : 1, `${chip.name}: ${left[0]?.reason}`);
        assert.deepEqual(notCompiled(graph, chip.name), []);
      }
    });

  test("in int16 as in int8: of the operators of all kinds it leaves one", () => {
    const left = Object.entries(wideOperators).flatMap(([name, make]) =>
      chips.some((chip) => notPlaced(make(), chip.name).length > 0) ? [name] : [],
    );
    assert.deepEqual(left, ["Resize, linear, aligned corners"]);
  });
});

describe("the table refuses what Vela fails on", () => {
  for (const { name, create } of notCompiledCases)
    test(name, () => {
      const [u55, u65, u85] = chips.map((chip) =>
        notCompiled(create(), chip.name).map(({ reason }) => reason),
      );
      assert.match(
        u55?.join() ?? "",
        /^Conv in Conv: Vela does not compile its strides of \d×\d, above 3, with pads or groups;/,
      );
      assert.deepEqual(u65, u55);
      assert.deepEqual(u85, []);
    });
});

test("what is left is told with module and reason", () => {
  const builder = new QuantizedBuilder(["batch", 4, 9, 9], scaled(0.05, 3));
  builder.layer("ConvTranspose", "x", [4, 4, 3, 3], { strides: [3, 3] });
  builder.node("AveragePool", ["ConvTranspose0.0"], { kernel_shape: [9, 9], pads: [4, 4, 4, 4] });
  const reasons = notPlaced(builder.graph(), "ethos-u65").map(({ reason }) => reason);
  assert.deepEqual(reasons, [
    "ConvTranspose in ConvTranspose: its strides are 3×3, not 1×1 or 2×2",
    "AveragePool in AveragePool: its padded window of 9×9 is above 8×8",
  ]);
});
