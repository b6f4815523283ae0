import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, it } from "node:test";
import { lockRun } from "../../src/run/run-lock.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

/** The number of a process that has ended. */
const endedProcess = (): number => spawnSync(process.execPath, ["--version"]).pid;

describe("the lock of a run directory", () => {
  it("names its owner, and is gone once it is given back", () => {
    const folder = temporaryFolder();
    const unlock = lockRun(folder);
    assert.deepEqual(readdirSync(folder), ["lock"]);
    assert.equal(readFileSync(join(folder, "lock"), "utf8"), String(process.pid));
    unlock();
    assert.deepEqual(readdirSync(folder), []);
  });

  it("refuses another run of the same process, by whatever path", () => {
    const folder = temporaryFolder();
    const unlock = lockRun(folder);
    for (const path of [folder, relative(process.cwd(), folder)])
      assert.throws(() => lockRun(path), {
        name: "PeaError",
        kind: "usage",
        message: /is in use by process/,
      });
    unlock();
    lockRun(folder)();
  });

  it("is not mistaken for a file of the same name", () => {
    const folder = temporaryFolder();
    for (const content of ["", "mine"]) {
      writeFileSync(join(folder, "lock"), content);
      assert.throws(() => lockRun(folder), { kind: "usage", message: /lock holds no process id/ });
      assert.equal(readFileSync(join(folder, "lock"), "utf8"), content);
    }
  });

  it("refuses another process and says which one has it and the way out", async () => {
    const folder = temporaryFolder();
    const other = spawn(process.execPath, ["--eval", "setInterval(() => {}, 1000)"]);
    writeFileSync(join(folder, "lock"), String(other.pid));
    assert.throws(() => lockRun(folder), {
      name: "PeaError",
      kind: "usage",
      message: `${folder} is in use by process ${other.pid}: wait for its end or stop it; if that process is no training run, delete ${join(folder, "lock")}`,
    });
    assert.deepEqual(readdirSync(folder), ["lock"]);
    other.kill("SIGKILL");
    await once(other, "close");
    lockRun(folder)();
  });

  for (const [what, owner] of [
    ["of a process that is gone", endedProcess],
    ["of a killed process whose number this one has got", () => process.pid],
  ] as const)
    it(`takes over one ${what}`, () => {
      const folder = temporaryFolder();
      writeFileSync(join(folder, "lock"), String(owner()));
      const unlock = lockRun(folder);
      assert.deepEqual(readdirSync(folder), ["lock"]);
      assert.equal(readFileSync(join(folder, "lock"), "utf8"), String(process.pid));
      unlock();
    });

  it("is given back when its process ends without doing so", () => {
    const folder = temporaryFolder();
    const module = new URL("../../src/run/run-lock.ts", import.meta.url);
    const program = `import { lockRun } from "${module}"; lockRun("${folder}"); process.exit(3);`;
    const node = ["--conditions=pea-source", "--import", "tsx", "--input-type=module", "--eval", program];
    const { status, stderr } = spawnSync(process.execPath, node, { encoding: "utf8" });
    assert.equal(status, 3, stderr);
    assert.equal(existsSync(join(folder, "lock")), false);
  });
});
