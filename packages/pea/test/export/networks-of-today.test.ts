/** Networks of today's kinds, as users write them, are exported, and what they hold beside ReLU is listed. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { type Module, manualSeed, noGrad, randn, scope, setNumThreads } from "@pea/torch";
import { exportNetwork } from "../../src/export/export.ts";
import { exportObstacleOf } from "../../src/export/export-obstacle.ts";
import { opsets } from "../../src/export/onnx/opsets.ts";
import { openSession } from "../../src/export/onnx/session.ts";
import { traceNetwork } from "../../src/trace/trace.ts";
import { networksOfToday } from "../support/networks-of-today.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

setNumThreads(1);
const folder = temporaryFolder();
after(() => rmSync(folder, { recursive: true }));

const image = [3, 36, 44];

/** What each has beside ReLU: kinds and modules. */
const others: Readonly<Record<string, readonly string[]>> = {
  "MobileNet-V2 with ReLU6": [
    ...["clip 2", "clip 3.conv.2", "clip 3.conv.5", "clip 4.conv.2", "clip 4.conv.5", "clip 7"],
  ],
  "squeeze-and-excitation": ["gate 3.gate", "gate 4.gate"],
};

/** A network whose running statistics are those of some images. */
function network(create: () => Module): Module {
  manualSeed(3);
  const model = create();
  for (let step = 0; step < 10; step++) scope(() => noGrad(() => void model.forward(randn([8, ...image]))));
  return model.eval();
}

test("there are the ten kinds", () => assert.equal(Object.keys(networksOfToday).length, 10));

for (const [name, create] of Object.entries(networksOfToday))
  describe(name, () => {
    const model = network(create);
    const file = join(folder, "network.onnx");

    test("is exported in every opset, and verified", async () => {
      assert.equal(exportObstacleOf(traceNetwork(model, image).graph), null);
      for (const opset of opsets) {
        const summary = await exportNetwork(model, file, { inputs: randn([5, ...image]), opset });
        assert.ok(summary.largestDifference <= summary.allowed);
        // Zeros would agree whatever the file computes.
        assert.ok(summary.largestLogit > 0.05, `largest logit ${summary.largestLogit}`);
        const listed = summary.otherActivations.map(({ kind, path }) => `${kind} ${path}`);
        assert.deepEqual(listed, others[name] ?? []);
      }
    });

    test("takes 1, 2 and 7 images", async () => {
      await exportNetwork(model, file, { inputs: randn([5, ...image]) });
      const session = await openSession(file, { threads: 1 });
      for (const images of [1, 2, 7]) {
        const input = randn([images, ...image]);
        const answer = await session.run(input.toTypedArray() as Float32Array, input.shape);
        const expected = scope(() => {
          const output = noGrad(() => model.forward(input));
          return { shape: output.shape, values: output.toTypedArray() as Float32Array };
        });
        assert.deepEqual([...answer.shape], [...expected.shape]);
        expected.values.forEach((value, i) => {
          assert.ok(Math.abs(value - (answer.values[i] as number)) < 1e-4, `${images} images, element ${i}`);
        });
      }
      await session.release();
    });

    test("is exported with its batch norms folded, for a batch of 2", async () => {
      const form = { inputs: randn([3, ...image]), foldBatchNorms: true, batch: 2 };
      const { operators } = await exportNetwork(model, file, form);
      assert.equal(operators.BatchNormalization, undefined);
    });
  });
