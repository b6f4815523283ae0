import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { describeCode } from "../code.ts";
import type { Contender } from "../contenders.ts";

const folder = mkdtempSync(join(tmpdir(), "pea-bench-"));
after(() => rmSync(folder, { recursive: true }));

test("a library that is built anew is another state of the code; peers have none", () => {
  const library = join(folder, "a.node");
  const own: Contender = { name: "pea", title: "pea", command: [], environment: {}, libraries: [library] };
  const peer: Contender = { ...own, name: "torch1", libraries: [] };
  writeFileSync(library, "1");
  const first = describeCode([own, peer]);
  assert.deepEqual(Object.keys(first.libraries), ["pea"]);
  assert.deepEqual(describeCode([own, peer]), first);
  writeFileSync(library, "2");
  assert.notEqual(describeCode([own, peer]).libraries.pea, first.libraries.pea);
});
