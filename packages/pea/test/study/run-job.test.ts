import assert from "node:assert/strict";
import { join } from "node:path";
import { it } from "node:test";
import { resolveRecipe } from "../../src/recipe/recipe.ts";
import { runJob } from "../../src/study/run-job.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";

const job = (settings: object) =>
  runJob(
    resolveRecipe({
      source: "the test",
      settings: {
        ...{ dataDir: writeTinyData(), model: "mobilenet-0.02-small", batchSize: 16, threads: 1 },
        ...settings,
      },
    }),
    join(temporaryFolder(), "run"),
    {
      targets: [],
      allowChangedData: false,
      signal: new AbortController().signal,
      onProgress: () => {},
      onTarget: () => {},
    },
  );

it("a run whose loss is no number any more is told from one that fails otherwise", async () => {
  const { message: diverged, ...outcome } = { message: "", ...(await job({ epochs: 1, lr: 1e30 })) };
  assert.deepEqual(outcome, { kind: "failed", named: true, diverged: true });
  assert.match(diverged, /^the training loss became NaN .*Lower lr/);
  const { message: refused, ...other } = { message: "", ...(await job({ epochs: 1, batchSize: 512 })) };
  assert.deepEqual(other, { kind: "failed", named: true, diverged: false });
  assert.match(refused, /^batchSize is 512, but there are only /);
});
