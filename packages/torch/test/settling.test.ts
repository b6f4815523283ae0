// Promises that are settled by threads of the addon's own, while the environment they belong to ends.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, it } from "node:test";
import { fileURLToPath } from "node:url";

const folder = mkdtempSync(join(tmpdir(), "pea-settling-"));
after(() => rmSync(folder, { recursive: true }));

const besideThis = (name: string) => fileURLToPath(new URL(name, import.meta.url));

it("an environment that ends with its last promise waits for the thread that settled it, be that late", () => {
  const library = join(folder, "late-thread.so");
  const source = besideThis("late-thread.c");
  execFileSync("cc", ["-shared", "-fPIC", "-Wall", "-Werror", "-O1", "-o", library, source, "-ldl"]);
  const count = 6;
  const script = `
    import { once } from "node:events";
    import { Worker } from "node:worker_threads";
    for (let i = 0; i < ${count}; i++) {
      const worker = new Worker(${JSON.stringify(besideThis("exiting-worker.mjs"))}, {
        execArgv: ["--conditions=pea-source"],
        workerData: ${JSON.stringify(join(folder, "store"))} + i,
      });
      await once(worker, "exit");
    }
    console.log("all have ended");`;
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    ["--conditions=pea-source", "--input-type=module", "-e", script],
    { env: { ...process.env, LD_PRELOAD: library }, encoding: "utf8", timeout: 120_000 },
  );
  assert.deepEqual(
    { status, signal, stdout },
    { status: 0, signal: null, stdout: "all have ended\n" },
    stderr,
  );
  assert.equal(stderr.match(/^late$/gm)?.length, count, stderr);
});
