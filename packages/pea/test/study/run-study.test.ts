import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { readSafetensors } from "@pea/torch";
import { readResults } from "../../src/compare/results.ts";
import { lockOwner } from "../../src/run/run-lock.ts";
import { gridOf } from "../../src/study/grid.ts";
import { readStudy } from "../../src/study/study-file.ts";
import { peaHere } from "../support/pea-main.ts";
import { type Outcome, outcomeOf, pea, startPea } from "../support/pea-process.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";

const settings = `
  dataDir: ${writeTinyData()}
  epochs: 16
  batchSize: 32
  threads: 1
  checkpointEverySteps: 3`;
const networks = "[mobilenet-0.02-small]";
const variants = "[ReLU, SM50%]";
const seeds = "[0, 1]";

const folder = temporaryFolder();

function studyFile(name: string, keys: Record<string, string> = {}): string {
  const text = Object.entries({ name, settings, networks, variants, seeds, ...keys })
    .map(([key, value]) => `${key}: ${value}`)
    .join("\n");
  const path = join(folder, `${name}.yaml`);
  writeFileSync(path, text);
  return path;
}

/** Words of the command for a study with folders of its own. */
const words = (name: string, keys?: Record<string, string>, runs = `${name}-runs`): string[] => [
  "study",
  "-c",
  studyFile(name, keys),
  "--output",
  join(folder, name),
  "--runs",
  join(folder, runs),
];
const read = (name: string, file: string) => readFileSync(join(folder, name, file), "utf8");
const runsOf = (name: string): string[] => {
  const path = join(folder, `${name}-runs`, name);
  const names = existsSync(path) ? readdirSync(path) : [];
  return names
    .sort()
    .map((run) => join(path, run))
    .filter((run) => existsSync(join(run, "config.yaml")));
};

function weights(run: string): Map<string, string> {
  return new Map(
    ["last", "best"].flatMap((file) =>
      [...readSafetensors(join(run, "checkpoints", `${file}.safetensors`)).tensors].map(
        ([key, value]): [string, string] => [
          `${file} ${key}`,
          Buffer.from(value.toTypedArray().buffer).toString("base64"),
        ],
      ),
    ),
  );
}

/** What two processes say that work at one study at a time. */
let both: Outcome[];

before(async () => {
  both = await Promise.all([1, 2].map(() => pea(...words("whole"), "--json")));
  for (const { code, stderr } of both) assert.equal(code, 0, stderr);
});

it("several processes share a study: each run is trained once, and all end with the whole", () => {
  const ends = both.map(({ stdout }) => JSON.parse(stdout));
  assert.deepEqual(
    ends.map(({ done, failed }) => [done, failed]),
    [
      [4, []],
      [4, []],
    ],
  );
  assert.equal(ends[0].trained + ends[1].trained, 4);
  assert.deepEqual(
    readdirSync(join(folder, "whole")).filter((name) => name.startsWith("lock")),
    [],
  );
});

it("a run of another machine is left to it, and taken up when its heartbeat ends", async () => {
  const seed = { seeds: "[0]", variants: "[ReLU]" };
  const [run] = runsOf("whole");
  const copy = join(folder, "left-runs", "left", basename(run as string));
  cpSync(run as string, copy, { recursive: true });
  rmSync(join(copy, "result.json"));
  const lock = join(copy, "lock");
  writeFileSync(
    lock,
    JSON.stringify({ process: 7, host: "host-b", machine: "another", key: "0123456789abcdef" }),
  );
  const study = startPea(...words("left", seed));
  study.stderr?.once("data", () => utimesSync(lock, 1, 1));
  const { code, stderr } = await outcomeOf(study);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /ReLU seed 0: process 7 on host-b works on it.*\n(.*\n)*.*ReLU seed 0: test/);
  assert.equal(readFileSync(join(copy, "result.json"), "utf8").length > 0, true);
});

describe("a study", () => {
  it("leaves a line for each run, in the order of the grid", () => {
    const results = readResults(join(folder, "whole"));
    assert.deepEqual(
      results.map(({ network, dataset, variant, seed, metric }) => [network, dataset, variant, seed, metric]),
      [
        ["mobilenet-0.02-small", "fashion-mnist", "ReLU", 0, "top1"],
        ["mobilenet-0.02-small", "fashion-mnist", "ReLU", 1, "top1"],
        ["mobilenet-0.02-small", "fashion-mnist", "SM50%", 0, "top1"],
        ["mobilenet-0.02-small", "fashion-mnist", "SM50%", 1, "top1"],
      ],
    );
    for (const { epochs, test, hash, settings, parameters, testImages } of results) {
      assert.equal(epochs.length, 16);
      assert.equal(testImages, 60);
      assert.ok((parameters as number) > 0);
      assert.match(hash as string, /^[0-9a-f]{12}$/);
      assert.equal(settings?.epochs, 16);
      assert.equal(settings?.dataDir, undefined);
      // The last epoch is a candidate, and its test score is that of the last model.
      assert.equal(epochs.at(-1)?.testScore, test.last);
      assert.ok(epochs.some(({ testScore }) => testScore === test.best));
    }
  });

  it("leaves time and environment of each run beside the results, and they are read with them", () => {
    const [line = ""] = read("whole", "timings.jsonl").split("\n");
    const timing = JSON.parse(line);
    assert.ok(timing.wallSeconds > timing.seconds);
    assert.equal(timing.environment.threads, 1);
    const [result] = readResults(join(folder, "whole"));
    assert.equal(result?.seconds, timing.seconds);
    assert.equal(result?.environment?.libtorch, timing.environment.libtorch);
    assert.equal(result?.epochs[0]?.imagesPerSecond, timing.epochImagesPerSecond[0]);
    assert.doesNotMatch(read("whole", "results.jsonl"), /seconds|libtorch|imagesPerSecond|commit/i);
  });

  it("leaves the comparisons as Markdown and CSV", () => {
    assert.match(read("whole", "table.md"), /^\| SM50% \| 2 \| /m);
    assert.match(read("whole", "table.csv"), /^fashion-mnist,mobilenet-0.02-small,top1,SM50%,last,ReLU,2,/m);
  });

  it("leaves its own description, which asks for the same runs", async () => {
    const described = await readStudy(join(folder, "whole", "study.yaml"));
    const hashes = gridOf(described).map(({ hash }) => hash);
    assert.deepEqual(
      hashes,
      readResults(join(folder, "whole")).map(({ hash }) => hash),
    );
  });

  it("names the folders of its runs for people, with the hash", () => {
    const hashes = readResults(join(folder, "whole")).map(({ hash }) => hash);
    assert.deepEqual(
      runsOf("whole")
        .map((path) => path.split("/").at(-1))
        .sort(),
      [
        `mobilenet-0.02-small-ReLU-seed0-${hashes[0]}`,
        `mobilenet-0.02-small-ReLU-seed1-${hashes[1]}`,
        `mobilenet-0.02-small-SM50pct-seed0-${hashes[2]}`,
        `mobilenet-0.02-small-SM50pct-seed1-${hashes[3]}`,
      ],
    );
  });
});

/** Waits until a study trains, and has a checkpoint to go on from; the process id of the worker. */
async function workerOf(study: ChildProcess, name: string): Promise<number> {
  for (;;) {
    for (const run of runsOf(name)) {
      if (!existsSync(join(run, "checkpoints", "last.safetensors"))) continue;
      const owner = lockOwner(run)?.process ?? 0;
      if (isChildOf(owner, study)) return owner;
    }
    assert.equal(study.exitCode, null, "the study has ended before it was disturbed");
    await sleep(5);
  }
}

/** By Linux' /proc. */
function isChildOf(pid: number, parent: ChildProcess): boolean {
  const path = `/proc/${pid}/stat`;
  return existsSync(path) && readFileSync(path, "utf8").split(") ")[1]?.split(" ")[1] === String(parent.pid);
}

it("a study that is stopped, is killed and loses a worker ends with the weights and results of one never disturbed", async () => {
  const stopped = startPea(...words("disturbed"));
  const stop = outcomeOf(stopped);
  await workerOf(stopped, "disturbed");
  stopped.kill("SIGINT");
  const { code, stderr, stdout } = await stop;
  assert.equal(code, 130, stderr);
  assert.match(stderr, /ReLU seed 0: stopped, with a checkpoint/);
  assert.match(stdout, /go on with the same command/);

  const killed = startPea(...words("disturbed"));
  const kill = outcomeOf(killed);
  await workerOf(killed, "disturbed");
  killed.kill("SIGKILL");
  await kill;

  const robbed = startPea(...words("disturbed"));
  const end = outcomeOf(robbed);
  process.kill(await workerOf(robbed, "disturbed"), "SIGKILL");
  const finished = await end;
  assert.equal(finished.code, 0, finished.stderr);
  assert.match(finished.stderr, /was ended by SIGKILL; trying once more/);

  for (const file of ["results.jsonl", "table.md", "table.csv"])
    assert.equal(read("disturbed", file).replaceAll("disturbed", "whole"), read("whole", file), file);
  const [runs, others] = [runsOf("disturbed"), runsOf("whole")];
  assert.equal(runs.length, 4);
  for (const [i, run] of runs.entries()) assert.deepEqual(weights(run), weights(others[i] as string), run);
  // The weights follow from the seed: those of another are others.
  assert.notDeepEqual(weights(runs[0] as string), weights(runs[1] as string));
});

describe("nothing is trained twice:", () => {
  it("results are enough, without the folders of their runs; their file stays as it is", async () => {
    cpSync(join(folder, "whole"), join(folder, "moved"), { recursive: true });
    const { code, stdout } = await peaHere(...words("moved"), "--json");
    assert.equal(code, 0);
    const { done, trained } = JSON.parse(stdout);
    assert.deepEqual([done, trained], [4, 0]);
    assert.equal(read("moved", "results.jsonl"), read("whole", "results.jsonl"));
  });

  it("results of a version with fewer settings, or another way to hash them, count, with what was added", async () => {
    cpSync(join(folder, "whole"), join(folder, "older"), { recursive: true });
    const older = ["results.jsonl", "timings.jsonl"].map((file) => {
      const rehashed = read("older", file).replaceAll(/"hash":"(\w{6})\w{6}"/g, '"hash":"$1"');
      writeFileSync(join(folder, "older", file), rehashed.replaceAll('"peaIndexing":"zero-based",', ""));
      return rehashed;
    });
    assert.notEqual(read("older", "results.jsonl"), older[0]);
    const { stdout } = await peaHere(...words("older"), "--json");
    assert.equal(JSON.parse(stdout).trained, 0);
    assert.deepEqual([read("older", "results.jsonl"), read("older", "timings.jsonl")], older);
  });

  it("the runs of another study are taken", async () => {
    const { code, stdout } = await peaHere(...words("part", { seeds: "[1]" }, "whole-runs"), "--json");
    assert.equal(code, 0);
    const { done, trained, comparisons } = JSON.parse(stdout);
    assert.deepEqual([done, trained], [2, 0]);
    assert.equal(comparisons[0].variants[1].scores.last.comparison.conclusion, "undecided");
    assert.match(read("part", "table.md"), /nothing can be concluded/);
  });

  it("--dry-run tells what is done and what is to train", async () => {
    const { stdout } = await peaHere(
      ...words("more", { seeds: "[1, 2]" }, "whole-runs"),
      "--dry-run",
      "--json",
    );
    const { runs, done, toTrain } = JSON.parse(stdout);
    assert.deepEqual([done, toTrain], [2, 2]);
    assert.deepEqual(
      runs.map(({ variant, seed, done }: Record<string, unknown>) => [variant, seed, done]),
      [
        ["ReLU", 1, true],
        ["ReLU", 2, false],
        ["SM50%", 1, true],
        ["SM50%", 2, false],
      ],
    );
    assert.ok(!existsSync(join(folder, "more")));
  });
});

describe("a study with targets", () => {
  const targets = "[onnx-int8, {name: one scale, target: onnx-int8, perTensor: true}]";
  const keys = { variants: "[ReLU, SM50%, Mish]", seeds: "[0]" };
  const own = (more: Record<string, string>) => words("integers", { ...keys, ...more }, "integers-runs");

  before(async () => {
    // Trained already, but for Mish: those are exported alone.
    cpSync(join(folder, "whole-runs"), join(folder, "integers-runs"), { recursive: true });
    const { code, stderr } = await pea(...own({ targets }));
    assert.equal(code, 0, stderr);
  });

  it("has the scores of its runs in integers, and none where a run ends in a smooth activation", () => {
    const [relu, pea, mish] = readResults(join(folder, "integers")).map(({ targets }) => targets ?? {});
    for (const scores of [relu, pea]) {
      assert.deepEqual(Object.keys(scores ?? {}), ["onnx-int8", "one scale"]);
      for (const { score, loss, sameClass, images } of Object.values(scores ?? {})) {
        assert.equal(images, 60);
        assert.ok(score !== null && score > 0 && Math.abs(loss ?? Number.NaN) < 50);
        assert.ok((sameClass ?? 0) > 50);
      }
    }
    assert.deepEqual(relu?.["one scale"]?.form, { target: "onnx-int8", perTensor: true });
    assert.deepEqual(
      Object.values(mish ?? {}).map(({ score }) => score),
      [null, null],
    );
  });

  it("a score is that of `pea export` for the last model", async () => {
    const [relu] = readResults(join(folder, "integers"));
    const run = join(folder, "integers-runs", "whole", `mobilenet-0.02-small-ReLU-seed0-${relu?.hash}`);
    const options = ["--target", "onnx-int8", "--checkpoint", "last", "--max-loss", "100", "--json"];
    const { integers } = JSON.parse((await peaHere("export", run, ...options)).stdout);
    const { score, loss, sameClass } = relu?.targets?.["onnx-int8"] ?? {};
    const { scores } = integers;
    assert.deepEqual([score, loss, sameClass], [scores.deployed.top1, scores.loss, scores.sameClass]);
  });

  it("compares them in table.md and table.csv", () => {
    assert.match(read("integers", "table.md"), /### In integers: one scale/);
    assert.match(
      read("integers", "table.csv"),
      /^fashion-mnist,mobilenet-0.02-small,top1,SM50%,one scale,ReLU,1,/m,
    );
  });

  it("is done when nothing is missing; a target that is changed or added is exported to again", async () => {
    const again = JSON.parse((await peaHere(...own({ targets }), "--json")).stdout);
    assert.deepEqual([again.done, again.trained], [3, 0]);
    const changed = own({ targets: "[{name: one scale, target: onnx-int8, images: 20}]" });
    const { toTrain, toExport } = JSON.parse((await peaHere(...changed, "--dry-run", "--json")).stdout);
    assert.deepEqual([toTrain, toExport], [0, 3]);
  });
});

it("results that the grid does not ask for are not overwritten", async () => {
  cpSync(join(folder, "whole"), join(folder, "changed"), { recursive: true });
  const fewer = await peaHere(...words("changed", { seeds: "[0]" }));
  assert.equal(fewer.code, 2);
  assert.match(fewer.stderr, /ReLU seed 1 is not in the grid; give this study another --output/);
  const other = await peaHere(...words("changed", { settings: `${settings}\n  lr: 0.1` }));
  assert.equal(other.code, 2);
  assert.match(other.stderr, /ReLU seed 0 was trained with other settings \(lr: 0.2 there, 0.1 here\)/);
  assert.equal(read("changed", "results.jsonl"), read("whole", "results.jsonl"));
});

it("a run that fails is named, the others go on, and the next start tries it again", async () => {
  const keys = { networks: "[no-such-model, mobilenet-0.02-small]", seeds: "[0]" };
  const failed = await pea(...words("failing", keys, "whole-runs"));
  assert.equal(failed.code, 1);
  assert.match(failed.stdout, /2 of 4 runs done/);
  assert.match(failed.stdout, /failed: .*no-such-model-ReLU-seed0-[0-9a-f]{12}: unknown model no-such-model/);
  assert.match(failed.stdout, /failed: .*no-such-model-SM50pct-seed0-[0-9a-f]{12}: unknown model/);
  assert.equal(readResults(join(folder, "failing")).length, 2);
});

it("is refused before its first run where weights to begin with are not there, which are named once", async () => {
  const keys = {
    settings: `${settings}\n  initialCheckpoint: ${folder}/smooth-{seed}/checkpoints/last.safetensors`,
  };
  const { code, stderr } = await pea(...words("begun", keys));
  assert.equal(code, 2, stderr);
  assert.match(
    stderr,
    /4 of 4 runs begin with weights that are not there: \S+smooth-0\S+, \S+smooth-1\S+; train those networks first/,
  );
  assert.deepEqual(runsOf("begun"), []);
});
