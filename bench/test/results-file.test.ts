import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Results } from "../results.ts";
import { resume, toJson } from "../results-file.ts";

const folder = mkdtempSync(join(tmpdir(), "pea-bench-"));
after(() => rmSync(folder, { recursive: true }));

const machine = { cpu: "a", cores: 2, instructions: [], memoryGiB: 8, node: "v20.11.0" };
const fresh: Results = {
  machine,
  versions: { pea: { version: "1.13.0", threads: 2 } },
  code: { commit: "c0ffee", isDirty: false, libraries: { pea: "12" } },
  quick: false,
  groups: ["first", "second"],
  ended: [],
  settings: {},
  load: {},
  measurements: [],
  failures: [],
};

function left(results: Partial<Results>): string {
  const path = join(folder, "results.json");
  writeFileSync(path, toJson({ ...fresh, ...results }));
  return path;
}

test("an interrupted run goes on with what it has and with the peers' settings; what failed is tried again", () => {
  const settings = { torch1: { title: "a", environment: { A: "1" }, tried: { a: 1 } } };
  const path = left({
    settings,
    load: { first: 0.5 },
    ended: ["first"],
    failures: [{ group: "second", error: "x" }],
  });
  const resumed = resume(fresh, path);
  assert.deepEqual([resumed.ended, resumed.failures], [["first"], []]);
  assert.deepEqual([resumed.settings, resumed.load], [settings, { first: 0.5 }]);
});

for (const [what, others] of [
  ["another machine", { machine: { ...machine, cpu: "b" } }],
  ["other versions", { versions: { pea: { version: "2.0.0", threads: 2 } } }],
  ["other code or other native libraries", { code: { ...fresh.code, commit: "beef" } }],
  ["other code or other native libraries", { code: { ...fresh.code, libraries: { pea: "13" } } }],
  ["other code or other native libraries", { code: { ...fresh.code, isDirty: true } }],
  ["other groups", { groups: ["first"] }],
] as const)
  test(`results of ${what} are refused`, () => {
    const path = left(others as Partial<Results>);
    assert.throws(() => resume(fresh, path), {
      kind: "usage",
      message: `bench/results.json is of ${what}; leave out --resume to measure everything anew`,
    });
  });

test("with changes that are not committed, no results can be of the same code", () => {
  const code = { ...fresh.code, isDirty: true };
  assert.throws(() => resume({ ...fresh, code }, left({ code })), /hold changes that are not committed/);
});

test("without results there is nothing to go on with", () => {
  assert.throws(() => resume(fresh, join(folder, "none.json")), /there is no bench\/results.json/);
});
