import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join, relative } from "node:path";
import { describe, it } from "node:test";
import { heartbeat, lockOwner, lockRun, RunInUse } from "../../src/run/run-lock.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

/** The number of a process that has ended. */
const endedProcess = (): number => spawnSync(process.execPath, ["--version"]).pid;

const ownerIn = (folder: string) => JSON.parse(readFileSync(join(folder, "lock"), "utf8"));

/** A lock of a process on another machine, which last gave a sign of life that many seconds ago. */
function lockElsewhere(folder: string, silent: number): void {
  const lock = join(folder, "lock");
  writeFileSync(
    lock,
    JSON.stringify({ process: 7, host: "host-b", machine: "another", key: "0123456789abcdef" }),
  );
  const at = Date.now() / 1000 - silent;
  utimesSync(lock, at, at);
}

describe("the lock of a run directory", () => {
  it("names its owner, and is gone once it is given back", () => {
    const folder = temporaryFolder();
    const lock = lockRun(folder);
    assert.deepEqual(readdirSync(folder), ["lock"]);
    const { process: owner, host } = ownerIn(folder);
    assert.deepEqual([owner, host], [process.pid, hostname()]);
    assert.deepEqual(lockOwner(folder), ownerIn(folder));
    lock.requireHeld();
    lock.release();
    assert.deepEqual(readdirSync(folder), []);
    assert.equal(lockOwner(folder), null);
  });

  it("refuses another run of the same process, by whatever path", () => {
    const folder = temporaryFolder();
    const lock = lockRun(folder);
    for (const path of [folder, relative(process.cwd(), folder)])
      assert.throws(() => lockRun(path), {
        name: "RunInUse",
        kind: "usage",
        message: /is in use by process/,
      });
    lock.release();
    lockRun(folder).release();
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
      name: "RunInUse",
      kind: "usage",
      message: `${folder} is in use by process ${other.pid}: wait for its end or stop it; if that process is no training run, delete ${join(folder, "lock")}`,
    });
    assert.deepEqual(readdirSync(folder), ["lock"]);
    other.kill("SIGKILL");
    await once(other, "close");
    lockRun(folder).release();
  });

  for (const [what, owner] of [
    ["of a process that is gone", endedProcess],
    ["of a killed process whose number this one has got", () => process.pid],
  ] as const)
    it(`takes over one ${what}`, () => {
      const folder = temporaryFolder();
      writeFileSync(join(folder, "lock"), String(owner()));
      const lock = lockRun(folder);
      assert.deepEqual(readdirSync(folder), ["lock"]);
      assert.equal(ownerIn(folder).process, process.pid);
      lock.release();
    });

  it("of another machine holds while its heartbeat does, whatever this machine's processes are called", () => {
    const folder = temporaryFolder();
    lockElsewhere(folder, heartbeat.limit - 60);
    assert.throws(
      () => lockRun(folder),
      (error: RunInUse) => {
        assert.ok(error instanceof RunInUse);
        assert.match(
          error.message,
          /is in use by process 7 on host-b: .* taken over 180 s after its last sign of life, which was 12\d s ago/,
        );
        return true;
      },
    );
    assert.equal(lockOwner(folder)?.host, "host-b");
    assert.deepEqual(readdirSync(folder), ["lock"]);
    lockElsewhere(folder, heartbeat.limit + 60);
    assert.equal(lockOwner(folder), null);
    lockRun(folder).release();
    assert.deepEqual(readdirSync(folder), []);
  });

  it("is lost to another that took it over: nothing may be written then, and that one's stays", () => {
    const folder = temporaryFolder();
    const lock = lockRun(folder);
    rmSync(join(folder, "lock"));
    lockElsewhere(folder, 0);
    assert.throws(() => lock.requireHeld(), /another process has taken over .*no sign of life for 180 s/);
    lock.release();
    assert.equal(ownerIn(folder).host, "host-b");
  });

  it("is written anew at each heartbeat", (context) => {
    context.mock.timers.enable({ apis: ["setInterval"] });
    const folder = temporaryFolder();
    const lock = lockRun(folder);
    const path = join(folder, "lock");
    utimesSync(path, 1, 1);
    context.mock.timers.tick(heartbeat.every * 1000);
    assert.ok(statSync(path).mtimeMs > 1000);
    lock.requireHeld();
    lock.release();
  });

  it("is given back when its process ends without doing so", () => {
    const folder = temporaryFolder();
    const module = new URL("../../src/run/run-lock.ts", import.meta.url);
    const program = `import { heartbeat, lockOwner, lockRun, RunInUse } from "${module}"; lockRun("${folder}"); process.exit(3);`;
    const node = ["--conditions=pea-source", "--import", "tsx", "--input-type=module", "--eval", program];
    const { status, stderr } = spawnSync(process.execPath, node, { encoding: "utf8" });
    assert.equal(status, 3, stderr);
    assert.equal(existsSync(join(folder, "lock")), false);
  });
});
