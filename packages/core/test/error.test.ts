import assert from "node:assert/strict";
import { test } from "node:test";
import { PeaError } from "@pea/core";

test("a PeaError is a failure unless it says usage", () => {
  const failure = new PeaError("the disk is full");
  assert.ok(failure instanceof Error);
  assert.deepEqual(
    [failure.name, failure.message, failure.kind, failure.exitCode],
    ["PeaError", "the disk is full", "failure", 1],
  );
  const usage = new PeaError("epochs is -3", { kind: "usage" });
  assert.deepEqual([usage.kind, usage.exitCode], ["usage", 2]);
});

test("a PeaError keeps its cause", () => {
  const cause = new Error("ENOSPC");
  assert.equal(new PeaError("the disk is full", { cause }).cause, cause);
});
