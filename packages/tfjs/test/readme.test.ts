import assert from "node:assert/strict";
import { test } from "node:test";
import { readExample, runExample } from "../../pea/test/support/readme-example.ts";

test("the README's lines work when pasted", () => {
  const program = readExample("packages/tfjs/README.md", "@pea/tfjs");
  const promised = /console\.log\(.*\); \/\/ (.*)$/m.exec(program)?.[1];
  assert.ok(program.trim().split("\n").length < 20);
  assert.equal(runExample(program).trim().split("\n").at(-1), promised);
});
