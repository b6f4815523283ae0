import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("random-arguments.ts", import.meta.url));

for (const seed of [1, 2, 3]) {
  test(`random arguments give results or TorchErrors, never a crash (seed ${seed})`, () => {
    const folder = mkdtempSync(join(tmpdir(), "pea-"));
    try {
      const log = join(folder, "calls.txt");
      const options = ["--conditions=pea-source", "--import", "tsx"];
      const { status, signal, stderr } = spawnSync(
        process.execPath,
        [...options, script, String(seed), log],
        {
          encoding: "utf8",
          // The tensors are tiny: threads would only wait for each other.
          env: { ...process.env, OMP_NUM_THREADS: "1" },
        },
      );
      const calls = readFileSync(log, "utf8").trimEnd().split("\n");
      assert.equal(
        status,
        0,
        `ended by ${signal ?? status} in call ${calls.length}: ${calls.at(-1)}\n${stderr}`,
      );
      assert.equal(calls.length, 4000);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}
