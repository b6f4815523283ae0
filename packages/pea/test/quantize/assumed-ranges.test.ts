import assert from "node:assert/strict";
import { test } from "node:test";
import { planIntegers, prepare } from "@pea/graph";
import { Conv2d, ReLU, Sequential } from "@pea/torch";
import { assumedRanges } from "../../src/quantize/assumed-ranges.ts";
import { traceNetwork } from "../../src/trace/trace.ts";

test("assumed ranges grow from value to value, and begin at 0 behind an activation", () => {
  const model = new Sequential(new Conv2d(3, 4, 3), new ReLU(), new Conv2d(4, 4, 3));
  const { graph } = prepare(traceNetwork(model, [3, 8, 8]).graph);
  assert.deepEqual(
    [...assumedRanges(planIntegers(graph)).values()],
    [
      { min: -1, max: 1 },
      { min: 0, max: 1 + 1 / 3 },
      { min: -(1 + 2 / 3), max: 1 + 2 / 3 },
    ],
  );
});
