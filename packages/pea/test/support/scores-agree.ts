import assert from "node:assert/strict";
import type { Scores } from "../../src/tasks/task.ts";

/** What `pea eval` says has the scores of the training, and its loss to rounding: alone and in a batch an image may pass through other kernels. */
export function assertScoresAgree({ loss, ...scores }: Scores, trained: Scores): void {
  assert.deepEqual({ ...scores, loss: trained.loss }, trained);
  assert.ok(Math.abs(loss - trained.loss) < 1e-6 * trained.loss, `${loss} and ${trained.loss}`);
}
