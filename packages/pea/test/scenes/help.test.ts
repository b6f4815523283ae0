import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../../", import.meta.url));

for (const [name, ...command] of [
  ["scenes", "node", "packages/pea/dist/scenes/main.js"],
  ["image-folder", "node", "packages/pea/dist/scenes/image-folder-main.js"],
  ["glyphs", "bash", "scripts/glyphs/main"],
  ["targets", "bash", "scripts/targets"],
] as const)
  test(`npm run ${name} -- --help says how it is called, and does nothing else`, () => {
    const [program = "", ...words] = command;
    for (const help of [["--help"], ["-h"], ["folder", "--help"]]) {
      const { status, stdout, stderr } = spawnSync(program, [...words, ...help], {
        cwd: root,
        encoding: "utf8",
      });
      assert.deepEqual([status, stderr], [0, ""], help.join(" "));
      assert.match(stdout, new RegExp(`^npm run ${name}\\b.*\\n$`));
    }
  });
