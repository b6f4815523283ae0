/** docs/add-a-data-set.md, step by step. */
import "../../support/one-thread.ts";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { parse } from "yaml";
import { noiseImage, writeFiles } from "../../support/images.ts";
import { stepsIn, take } from "../../support/page-steps.ts";
import { peaHere } from "../../support/pea-main.ts";
import { copyProject, projectRoot } from "../../support/project-copy.ts";
import { temporaryFolder } from "../../support/tiny-data.ts";

const page = readFileSync(join(projectRoot, "docs/add-a-data-set.md"), "utf8");
const [outside = "", inside = ""] = page.split("\n## ").slice(1);
const [inFiles = "", inMemory = ""] = outside.split("\n### ");
const codeIn = (text: string) => /```ts\n(.*?)```/s.exec(text)?.[1] ?? "";

const folder = temporaryFolder();
const photos = join(folder, "photos");
const module = join(folder, "labels-csv.ts");
const json = async (...words: string[]) => {
  const { code, stdout, stderr } = await peaHere(...words, "--json");
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
};

before(async () => {
  const rows = Array.from(
    { length: 30 },
    (_, i) => `${i}.jpg,${i % 3 ? "dog" : "cat"},${i < 24 ? "train" : "test"}`,
  );
  const images = await Promise.all(rows.map((_, i) => noiseImage(i, 16, 12)));
  writeFiles(photos, {
    "labels.csv": `${["file,class,part", ...rows].join("\n")}\n`,
    ...Object.fromEntries(images.map((image, i) => [`${i}.jpg`, image])),
  });
  cpSync(join(projectRoot, "examples/own-dataset/labels-csv.ts"), module);
});

describe("by a module of one's own", () => {
  test("the page shows the example", () => {
    const example = readFileSync(join(projectRoot, "examples/own-dataset/labels-csv.ts"), "utf8");
    assert.equal(codeIn(inFiles), example.replace(/^\/\*\*.*\*\/\n/, ""));
  });

  test("the commands of the page find the data and plan to train on them", async () => {
    const [init = [], train = []] = [...inFiles.matchAll(/^npx \S+ (.*)$/gm)].map(([, words = ""]) =>
      words
        .split(" ")
        .map((word) => (word === "photos/" ? photos : word.startsWith("examples/") ? module : word)),
    );
    const recipe = join(folder, "found.yaml");
    const { found } = await json(...init, "--output", recipe);
    assert.deepEqual([found.data, found.parts.classes], ["labels-csv", ["cat", "dog"]]);
    const { data, dataDir, import: imported } = parse(readFileSync(recipe, "utf8"));
    assert.deepEqual({ data, dataDir, imported }, { data: "labels-csv", dataDir: photos, imported: module });
    for (const words of [
      ["train", "-c", recipe],
      [...train, "--batch-size", "4"],
    ]) {
      const plan = await json(...words, "--dry-run");
      // Of 24 training images, 8 of them cats, a tenth of each class is kept for validation.
      assert.deepEqual(plan.images, { train: 21, validation: 3, test: 6 });
    }
  });

  test("a run is trained, scored, exported and shown without naming the module again", async () => {
    const run = join(folder, "run");
    const words = ["--import", module, "--data", "labels-csv", "--data-dir", photos, "--image-size", "12"];
    await json("train", ...words, "--batch-size", "4", "--epochs", "2", "--pea", "SM50%", "--run", run);
    const { images, breakdown } = await json("eval", run);
    assert.equal(images, 6);
    // Images 24 and 27 are cats.
    assert.deepEqual(
      breakdown.classes.map(({ name, images }: { name: string; images: number }) => [name, images]),
      [
        ["cat", 2],
        ["dog", 4],
      ],
    );
    assert.equal((await json("export", run)).images, 6);
    for (const command of ["inspect", "report"]) await json(command, run);
  });

  test("images in memory are trained on", async () => {
    const digits = join(folder, "digits");
    const file = join(folder, "small-digits.ts");
    const lines = (count: number) =>
      Array.from({ length: count }, (_, i) => [
        i % 10,
        ...Array.from({ length: 64 }, (_, j) => (i * 7 + j) % 256),
      ]);
    writeFiles(digits, { "train.csv": lines(40).join("\n"), "test.csv": lines(10).join("\n") });
    writeFileSync(file, codeIn(inMemory));
    const words = ["--import", file, "--data", "small-digits", "--data-dir", digits, "--val-fraction", "0"];
    const run = join(folder, "digits-run");
    await json("train", ...words, "--batch-size", "20", "--epochs", "2", "--run", run);
    const { network } = parse(readFileSync(join(run, "config.yaml"), "utf8"));
    assert.deepEqual([network.inputShape, network.classes.length], [[1, 8, 8], 10]);
  });
});

describe("as a part of the project", () => {
  test("takes a file and a place in a list, and is recognized, named by the help and by errors", () => {
    const root = copyProject();
    const steps = stepsIn(inside);
    assert.deepEqual(
      steps.map(({ path }) => path),
      ["packages/pea/src/data/sets/labels-csv.ts", "packages/pea/src/data/sets/built-in.ts"],
    );
    for (const step of steps) take(root, step);
    const node = (...words: string[]) =>
      execFileSync(process.execPath, words, { cwd: root, encoding: "utf8", stdio: "pipe" });
    writeFileSync(
      join(root, "pea.ts"),
      `import { main } from ${JSON.stringify(join(root, "packages/pea/src/cli/main.ts"))};
       process.exitCode = await main(process.argv.slice(2));`,
    );
    const pea = (...words: string[]) =>
      node("--conditions=pea-source", "--import", "tsx", "pea.ts", ...words);
    assert.equal(JSON.parse(pea("init", photos, "--json")).found.data, "labels-csv");
    const help = pea("train", "--help").replaceAll(/\s+/g, " ");
    assert.match(help, /data set, or format of your own: [^:]*labels-csv/);
    assert.match(help, /size that images of [^:]*labels-csv[^:]* are scaled to/);
    assert.throws(() => pea("train", "--data", "labels-cvs"), /must be fashion-mnist, .*labels-csv/);
    const config = {
      extends: "./tsconfig.test.json",
      compilerOptions: { typeRoots: [join(projectRoot, "node_modules/@types")] },
      include: ["packages/pea/src/**/*.ts"],
    };
    writeFileSync(join(root, "tsconfig.steps.json"), JSON.stringify(config));
    node(join(projectRoot, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.steps.json");
  });
});
