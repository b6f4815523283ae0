import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { it } from "node:test";
import { hasEnded, thisMachine } from "@pea/torch";

it("a process has ended once it does nothing any more, though nobody has taken note of it", async () => {
  // The program that the shell becomes never asks after the child that it has.
  const parent = spawn("sh", ["-c", "sleep 600 & echo $!; exec sleep 600"]);
  const [text] = await once(parent.stdout, "data");
  const child = Number(text);
  assert.equal(hasEnded(process.pid), false);
  assert.equal(hasEnded(child), false);
  process.kill(child);
  for (let turn = 0; turn < 1000 && !hasEnded(child); turn++)
    await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(hasEnded(child), true);
  assert.doesNotThrow(() => process.kill(child, 0));
  parent.kill();
  await once(parent, "exit");
});

it("a machine is named after what its processes share", async () => {
  const script = 'import { thisMachine } from "@pea/torch"; console.log(thisMachine());';
  const words = ["--conditions=pea-source", "--import", "tsx", "--input-type=module", "--eval", script];
  const other = spawn(process.execPath, words, { cwd: import.meta.dirname });
  const [text] = await once(other.stdout, "data");
  assert.equal(String(text).trim(), thisMachine());
});
