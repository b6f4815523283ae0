// Machines that share the folders of a study: here processes that take one another for those of other machines.
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { lockOwner } from "../../src/run/run-lock.ts";
import { outcomeOf, pea, said, startPeaIn } from "../support/pea-process.ts";
import { fingerprint } from "../support/run-in-parts.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";

const folder = temporaryFolder();
const studyFile = join(folder, "study.yaml");
writeFileSync(
  studyFile,
  `name: study
settings: { dataDir: ${writeTinyData()}, epochs: 16, batchSize: 32, threads: 1, checkpointEverySteps: 3 }
networks: [mobilenet-0.02-small]
variants: [SM50%]
seeds: [0]`,
);

/** Words of the command, for results and runs of that name. */
const words = (name: string): string[] => [
  ...["study", "-c", studyFile, "--json"],
  ...["--output", join(folder, name), "--runs", join(folder, `${name}-runs`)],
];

/** What makes a process, and those that it starts, one of a machine of that name. */
function onMachine(name: string): NodeJS.ProcessEnv {
  const program = `
    import os from "node:os";
    import { syncBuiltinESMExports } from "node:module";
    os.hostname = () => ${JSON.stringify(name)};
    syncBuiltinESMExports();`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(program)}` };
}

/** The folder of the study's one run. */
function runOf(name: string): string | null {
  const path = join(folder, `${name}-runs`, "study");
  const [run] = existsSync(path) ? readdirSync(path) : [];
  return run === undefined ? null : join(path, run);
}

/** The process that trains the run, once a checkpoint is there. */
async function workerOf(study: ChildProcess, name: string): Promise<number> {
  for (;;) {
    const run = runOf(name);
    if (run !== null && existsSync(join(run, "checkpoints", "last.safetensors"))) {
      const owner = lockOwner(run);
      if (owner !== null) return owner.process;
    }
    assert.equal(study.exitCode, null, "the study has ended before it was disturbed");
    await sleep(5);
  }
}

it("of two machines that share a study one crashes: the other takes up its run, to the same weights", async () => {
  const crashing = startPeaIn(onMachine("host-a"), ...words("shared"));
  const crash = outcomeOf(crashing);
  const worker = await workerOf(crashing, "shared");
  // It stays in the middle of its run until the other has seen it.
  process.kill(worker, "SIGSTOP");
  const run = runOf("shared") as string;
  assert.equal(existsSync(join(run, "result.json")), false, "the run had ended before its machine crashed");
  const other = startPeaIn(onMachine("host-b"), ...words("shared"));
  const end = outcomeOf(other);
  const isLeft = new RegExp(`process ${worker} on host-a works on it`);
  await Promise.race([said(other.stderr as NodeJS.ReadableStream, isLeft), end]);
  crashing.kill("SIGKILL");
  process.kill(worker, "SIGKILL");
  await crash;
  assert.equal(lockOwner(run)?.host, "host-a", "its lock counts until its heartbeat is missed");
  utimesSync(join(run, "lock"), 1, 1);
  const { code, stdout, stderr } = await end;
  assert.equal(code, 0, stderr);
  assert.match(stderr, isLeft);
  const { done, trained, failed } = JSON.parse(stdout);
  assert.deepEqual([done, trained, failed], [1, 1, []]);
  assert.equal(lockOwner(run), null);

  const undisturbed = await pea(...words("alone"));
  assert.equal(undisturbed.code, 0, undisturbed.stderr);
  assert.deepEqual(fingerprint(run), fingerprint(runOf("alone") as string));
  const results = ["shared", "alone"].map((name) =>
    readFileSync(join(folder, name, "results.jsonl"), "utf8"),
  );
  assert.equal(results[0], results[1]);
});
