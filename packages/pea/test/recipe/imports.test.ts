/** Several modules of one's own: an activation, a network and a method that know nothing of each other. */
import assert from "node:assert/strict";
import { copyFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { importFiles } from "../../src/recipe/import-file.ts";
import { trainCommand } from "../../src/report/command.ts";
import { peaHere } from "../support/pea-main.ts";
import { pea } from "../support/pea-process.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";

const examples = fileURLToPath(new URL("../../../../examples", import.meta.url));
const folder = temporaryFolder();
const [activation, network, method] = [
  "own-activation/squareplus.ts",
  "own-network/plain-network.ts",
  "own-method/confidence-penalty.ts",
].map((example) => {
  const file = join(folder, basename(example));
  copyFileSync(join(examples, example), file);
  return file;
}) as [string, string, string];
const modules = [activation, network, method];
const data = ["--data-dir", writeTinyData(), "--batch-size", "32", "--threads", "1"];
const settings = [
  "--model",
  "plain-network",
  "--pea",
  "SQ50%",
  "--methods",
  "confidence-penalty",
  "--lr",
  "0.05",
];
const flags = modules.flatMap((file) => ["--import", file]);

/** Runs the command, which must succeed, and reads what it prints. */
async function succeed(...words: string[]) {
  const { code, stdout, stderr } = await pea(...words, "--json");
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

describe("a run that imports several modules", () => {
  const run = join(folder, "run");
  before(() => succeed("train", ...flags, ...settings, ...data, "--epochs", "2", "--run", run));
  const importOf = (path: string) => parse(readFileSync(join(path, "config.yaml"), "utf8")).config.import;

  test("keeps their paths, so that later commands know them", async () => {
    assert.deepEqual(importOf(run), modules);
    assert.equal((await succeed("eval", run)).step, 6 * 2);
    assert.equal((await succeed("export", run)).operators.Relu, 3);
  });

  test("names them all where one has moved, and is given them all", async () => {
    const moved = join(folder, "moved.ts");
    renameSync(method, moved);
    const lost = await pea("eval", run);
    assert.equal(lost.code, 2);
    assert.ok(
      lost.stderr.includes(
        `there is no module ${method} to import; if it has moved, name its place with --import, beside --import ${activation} --import ${network}`,
      ),
      lost.stderr,
    );
    await succeed("eval", run, ...[activation, network, moved].flatMap((file) => ["--import", file]));
    renameSync(moved, method);
  });

  test("is repeated by a command that names each", async () => {
    await importFiles(modules);
    const { config } = parse(readFileSync(join(run, "config.yaml"), "utf8"));
    assert.ok(trainCommand(config)?.includes(modules.map((file) => ` --import ${file}`).join("")));
  });
});

test("a recipe lists them by their paths from its folder", async () => {
  const recipe = join(folder, "recipe.yaml");
  const list = modules.map((file) => `./${basename(file)}`).join(", ");
  writeFileSync(recipe, `import: [${list}]\n`);
  const plan = await succeed("train", "-c", recipe, ...settings, ...data, "--dry-run");
  assert.deepEqual(plan.recipe.import, modules);
  assert.deepEqual(plan.methods, ["SQ50%", "confidence-penalty"]);
});

test("a list of one is the same as the file alone", async () => {
  const one = join(folder, "one.yaml");
  writeFileSync(one, "import: [./squareplus.ts]\npea: SQ50%\n");
  const plan = await succeed("train", "-c", one, ...data, "--dry-run");
  assert.equal(plan.recipe.import, activation);
});

test("a study's variants may be of any of them", async () => {
  const study = join(folder, "study.yaml");
  writeFileSync(
    study,
    "settings: { import: [./squareplus.ts, ./plain-network.ts], epochs: 2 }\nnetworks: [plain-network]\nvariants: [ReLU, SQ50%]\nseeds: [0]\n",
  );
  const { runs } = await succeed("study", "-c", study, "--dry-run", "--output", join(folder, "results"));
  assert.deepEqual(
    runs.map(({ variant }: { variant: string }) => variant),
    ["ReLU", "SQ50%"],
  );
});

test("anything but files is refused", async () => {
  const { code, stderr } = await peaHere("train", "--import", folder, "--dry-run");
  assert.deepEqual([code, /is a folder; name the module in it/.test(stderr)], [2, true], stderr);
  const recipe = join(folder, "wrong.yaml");
  for (const wrong of ["[1]", "[]", "{ a: b }"]) {
    writeFileSync(recipe, `import: ${wrong}\n`);
    const { code, stderr } = await peaHere("train", "-c", recipe, "--dry-run");
    assert.deepEqual(
      [code, /import is .*, but must be a file, or a list of files/.test(stderr)],
      [2, true],
      stderr,
    );
  }
});
