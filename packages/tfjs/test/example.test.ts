import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const example = fileURLToPath(new URL("../../../examples/tfjs/train-spirals.ts", import.meta.url));

test("examples/tfjs/train-spirals.ts goes on where it was saved, learns and writes a model of ReLU alone", () => {
  const folder = mkdtempSync(join(tmpdir(), "pea-tfjs-"));
  try {
    const words = ["--conditions=pea-source", "--import", "tsx", example, folder];
    const printed = execFileSync(process.execPath, words, { encoding: "utf8", stdio: "pipe" });
    const [, alpha, percent] = /saved at alpha ([\d.]+)\n(\d+) % of the points/.exec(printed) ?? [];
    assert.ok(Number(alpha) > 0.5 && Number(alpha) < 0.75, printed);
    assert.ok(Number(percent) >= 90, printed);
    const { modelTopology } = JSON.parse(readFileSync(join(folder, "model.json"), "utf8"));
    const activations = JSON.stringify(modelTopology).match(/"activation":"\w+"/g);
    assert.deepEqual(activations, [...Array(3).fill('"activation":"relu"'), '"activation":"sigmoid"']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
