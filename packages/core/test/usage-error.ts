import assert from "node:assert/strict";
import { PeaError } from "@pea/core";

/** Asserts that `run` throws a PeaError of kind usage whose message matches. */
export function assertUsageError(run: () => unknown, message: RegExp): void {
  assert.throws(run, (error) => {
    assert.ok(error instanceof PeaError, String(error));
    assert.equal(error.kind, "usage");
    assert.match(error.message, message);
    return true;
  });
}
