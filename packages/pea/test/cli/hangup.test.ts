// A terminal that is closed under a run, and what is no terminal.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type Outcome, outcomeOf, peaCommand, said, startPeaIn } from "../support/pea-process.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";

/** `train` images, of which a step takes 12. */
const words = (run: string, train: number, ...more: string[]) => [
  ...["train", "--model", "resnet8", "--data-dir", writeTinyData({ train, test: 20 }), "--val-fraction", "0"],
  ...["--epochs", "2", "--batch-size", "12", "--threads", "1", "--run", run, ...more],
];
/** As many that no test waits for the checkpoint at the end of an epoch. */
const MANY = 12_000;
const checkpointOf = (run: string) => join(run, "checkpoints/last.safetensors");

/** Runs a command in a terminal of its own, which is closed once a word is read; prints how it ended. */
const terminal = `
import os, pty, subprocess, sys
pid, screen = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
text = b""
while sys.argv[1].encode() not in text:
    text += os.read(screen, 4096)
children = open(f"/proc/{pid}/task/{pid}/children").read().split()
os.close(screen)
_, status = os.waitpid(pid, 0)
print(os.waitstatus_to_exitcode(status), *children)
`;

/** Closes the terminal of a run that has begun. */
async function hungUp(run: string, ...more: string[]) {
  const command = [...peaCommand, ...words(run, MANY, ...more)];
  const child = spawn("python3", ["-c", terminal, "epoch 1/", ...command], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { stdout, stderr } = await outcomeOf(child);
  const [code, ...children] = stdout.trim().split(" ").map(Number);
  return { code, children, stderr };
}

/** Without a terminal, as nohup starts it: asked by SIGHUP once it has begun, it comes to its end. */
async function goesOn(run: string, ...more: string[]): Promise<Outcome> {
  const child = spawn("nohup", [...peaCommand, ...words(run, 120, ...more)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = outcomeOf(child);
  await Promise.race([said(child.stderr as NodeJS.ReadableStream, /^run: .*\n/m), ended]);
  child.kill("SIGHUP");
  return ended;
}

describe("a run whose terminal is closed", () => {
  it("ends by SIGHUP, with a checkpoint", async () => {
    const run = join(temporaryFolder(), "run");
    const { code, stderr } = await hungUp(run);
    assert.equal(code, -1, stderr);
    assert.ok(existsSync(checkpointOf(run)), "there is no checkpoint");
  });

  it("of several processes too, of which none stays behind", async () => {
    const run = join(temporaryFolder(), "run");
    const { code, children, stderr } = await hungUp(run, "--processes", "2");
    assert.equal(code, -1, stderr);
    assert.ok(children.length >= 2, children.join());
    assert.deepEqual(
      children.filter((pid) => existsSync(`/proc/${pid}`)),
      [],
    );
    assert.ok(existsSync(checkpointOf(run)), "there is no checkpoint");
  });

  it("goes on where nohup had started it, of one process and of several", async () => {
    for (const more of [[], ["--processes", "2"]]) {
      const run = join(temporaryFolder(), "run");
      const { code, stderr } = await goesOn(run, ...more);
      assert.equal(code, 0, stderr);
      assert.ok(existsSync(join(run, "result.json")), "there is no result");
    }
  });

  it("stops where another launcher passes the signal on to one of its processes, be it the only one", async () => {
    for (const size of [1, 2]) {
      const run = join(temporaryFolder(), "run");
      const variables = {
        WORLD_SIZE: String(size),
        MASTER_ADDR: "127.0.0.1",
        MASTER_PORT: String(30_000 + (process.pid % 1000)),
      };
      const children = Array.from({ length: size }, (_, rank) =>
        startPeaIn({ ...variables, RANK: String(rank) }, ...words(run, MANY)),
      );
      const ended = Promise.all(children.map(outcomeOf));
      await Promise.race([said(children[0]?.stderr as NodeJS.ReadableStream, /^run: .*\n/m), ended]);
      children.at(-1)?.kill("SIGHUP");
      const outcomes = await ended;
      // One that is told by another ends as by SIGTERM.
      const codes = outcomes.map(({ code }) => code);
      assert.deepEqual(codes, size === 1 ? [129] : [143, 129], outcomes[0]?.stderr);
      assert.match(outcomes[0]?.stderr ?? "", /training stopped after step \d+; a checkpoint is written/);
      assert.ok(existsSync(checkpointOf(run)), "there is no checkpoint");
    }
  });
});
