import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import {
  createRunDirectory,
  currentEnvironment,
  noteExported,
  openRunDirectory,
  readRunConfig,
  requireFree,
  writeRunConfig,
} from "../../src/run/run-directory.ts";

const root = mkdtempSync(join(tmpdir(), "runs-"));
after(() => rmSync(root, { recursive: true }));
let count = 0;
const newPath = () => join(root, "deep", `${count++}`);
const environment = currentEnvironment();
const config = { model: "mobilenet-small", width: 0.25, pea: "SM75%", noDecay: ["bias"], dataDir: null };

/** A run with a file of every kind. */
function finishedRun(): string {
  const run = createRunDirectory(newPath());
  writeRunConfig(run, { config, environment });
  for (const file of [run.metrics, run.summary, run.model, run.report]) writeFileSync(file, "old");
  for (const file of ["checkpoints/last.safetensors", "events.out.tfevents.1.host.2"]) {
    writeFileSync(join(run.path, file), "old");
  }
  return run.path;
}

describe("a new run directory", () => {
  it("is made with the folders above it, and a place for checkpoints", () => {
    const run = createRunDirectory(newPath());
    assert.deepEqual(readdirSync(run.path), ["checkpoints"]);
    assert.equal(run.checkpoints, join(run.path, "checkpoints"));
  });
  it("may be there already, empty", () => {
    const path = newPath();
    mkdirSync(path, { recursive: true });
    assert.equal(createRunDirectory(path).path, path);
  });
  it("is made where a run was killed as it began", () => {
    const path = newPath();
    createRunDirectory(path);
    writeFileSync(join(path, "config.yaml.tmp"), "half of");
    writeFileSync(join(path, "lock"), "1");
    assert.equal(createRunDirectory(path).path, path);
  });
  it("is refused where something else lies beside what a killed start left, which is named", () => {
    for (const foreign of ["checkpoints/mine.txt", "notes.tmp"]) {
      const path = newPath();
      createRunDirectory(path);
      writeFileSync(join(path, foreign), "mine");
      assert.throws(() => createRunDirectory(path), {
        name: "PeaError",
        kind: "usage",
        message: `${path} is not empty and not a run directory (it holds ${foreign}); give the run a directory of its own`,
      });
    }
  });
  it("is refused where a run is", () => {
    const path = finishedRun();
    assert.throws(() => createRunDirectory(path), {
      name: "PeaError",
      kind: "usage",
      message: `${path} already holds a run; go on with it with --resume, or delete it with --overwrite`,
    });
    assert.ok(existsSync(join(path, "checkpoints/last.safetensors")));
  });
  it("takes the place of what targets wrote into a run", () => {
    const path = finishedRun();
    const run = openRunDirectory(path);
    for (const name of ["model.h", "model.onnx", "model.h"]) noteExported(run, name);
    for (const name of ["model.h", "model.h.12.unverified", "model.hpp"])
      writeFileSync(join(path, name), "old");
    createRunDirectory(path, { overwrite: true });
    assert.deepEqual(readdirSync(path).sort(), ["checkpoints", "model.hpp"]);
  });
  it("takes the place of a run when told to, and of nothing else", () => {
    const path = finishedRun();
    writeFileSync(join(path, "notes.txt"), "mine");
    for (const name of ["summary.csv.tmp", "config.yaml.tmp", "model.onnx.123.unverified"])
      writeFileSync(join(path, name), "half of");
    createRunDirectory(path, { overwrite: true });
    assert.deepEqual(readdirSync(path).sort(), ["checkpoints", "notes.txt"]);
    assert.deepEqual(readdirSync(join(path, "checkpoints")), []);
  });
  it("is refused where other files are, whatever is told", () => {
    const path = newPath();
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, "thesis.tex"), "mine");
    for (const overwrite of [false, true]) {
      assert.throws(() => createRunDirectory(path, { overwrite }), {
        name: "PeaError",
        kind: "usage",
        message: /not empty and not a run directory \(it holds thesis\.tex\)/,
      });
    }
    assert.deepEqual(readdirSync(path), ["thesis.tex"]);
  });
  it("is refused where a file is, and below one", () => {
    const path = newPath();
    writeFileSync(path, "");
    assert.throws(() => createRunDirectory(path), {
      name: "PeaError",
      kind: "usage",
      message: /is a file, not a directory; give the run a directory of its own/,
    });
    for (const take of [createRunDirectory, requireFree])
      assert.throws(() => take(join(path, "runs", "first")), {
        name: "PeaError",
        kind: "usage",
        message: `${join(path, "runs", "first")} cannot be made: ${path} is a file, not a directory; give the run a directory of its own`,
      });
  });
  it("is refused where a file system makes no directories", () => {
    assert.throws(() => createRunDirectory("/proc/runs/first"), {
      name: "PeaError",
      message: /cannot make the directory \/proc\/runs\/first: ENOENT/,
    });
  });
});

describe("a run's config.yaml", () => {
  it("is read as it was written", () => {
    const run = openRunDirectory(finishedRun());
    assert.deepEqual(readRunConfig(run), { config, environment });
  });
  it("makes a directory a run's", () => {
    const path = newPath();
    createRunDirectory(path);
    assert.throws(() => openRunDirectory(path), {
      name: "PeaError",
      kind: "usage",
      message: /is not a run directory: it has no config\.yaml; give the folder of a run/,
    });
  });
  for (const [what, text, message] of [
    ["broken YAML", "config: [", /cannot read .*config\.yaml/],
    ["other contents", "a: 1", /lacks the sections config and environment/],
    ["no contents", "", /lacks the sections/],
  ] as const)
    it(`is refused with ${what}`, () => {
      const run = openRunDirectory(finishedRun());
      writeFileSync(run.config, text);
      assert.throws(() => readRunConfig(run), { name: "PeaError", message });
    });
});

describe("the environment", () => {
  it("has the versions of what computed the run", () => {
    assert.match(environment.libtorch, /^\d+\.\d+/);
    assert.equal(environment.node, process.versions.node);
    assert.match(environment.pea, /^\d+\.\d+\.\d+/);
  });
  it("has the commit, marked where files but results have changed, and null outside of git", () => {
    const folder = mkdtempSync(join(root, "git-"));
    const home = process.cwd();
    const git = (...words: string[]) => execFileSync("git", words, { cwd: folder, encoding: "utf8" }).trim();
    const commit = () => currentEnvironment().commit;
    try {
      process.chdir(folder);
      assert.equal(commit(), null);
      git("init", "--quiet");
      mkdirSync(join(folder, "results"));
      for (const name of ["code.ts", "results/table.md"]) writeFileSync(join(folder, name), "1");
      git("add", ".");
      git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "first");
      const head = git("rev-parse", "HEAD");
      writeFileSync(join(folder, "results/table.md"), "2");
      assert.equal(commit(), head);
      writeFileSync(join(folder, "code.ts"), "2");
      assert.equal(commit(), `${head}-dirty`);
    } finally {
      process.chdir(home);
    }
  });
});
