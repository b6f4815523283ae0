import assert from "node:assert/strict";
import { cpSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { before, describe, it } from "node:test";
import { parse } from "yaml";
import type { RecipeInput } from "../../src/recipe/recipe.ts";
import { readMetrics } from "../../src/run/metrics.ts";
import { openData, type RecipeData } from "../../src/run/open-data.ts";
import { readParts } from "../../src/run/parts-record.ts";
import { openRunDirectory } from "../../src/run/run-directory.ts";
import { resumeTraining, train } from "../../src/train/train.ts";
import { TrainingInterrupted } from "../../src/train/trainer.ts";
import { noiseImage, writeFiles } from "../support/images.ts";
import { peaHere } from "../support/pea-main.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";

const classes = ["cat", "dog", "owl"];
const images = new Map<string, Buffer>();

before(async () => {
  // Of different sizes, so that no two have the same length.
  for (const [label, name] of classes.entries())
    for (let i = 0; i < 30; i++)
      images.set(`${name}/${10 + i}.jpg`, await noiseImage(100 * label + i, 20 + label, 20 + i));
  images.set("cat/new.jpg", await noiseImage(999, 30, 30));
});

/** Folders with these of the images, or with all but the last one. */
function photos(part = "", names = [...images.keys()].slice(0, -1)): string {
  const folder = temporaryFolder();
  writeFiles(folder, Object.fromEntries(names.map((name) => [join(part, name), images.get(name) as Buffer])));
  return folder;
}

const settings: RecipeInput = {
  model: "mobilenet-0.02-small",
  data: "imagefolder",
  imageSize: 16,
  trainCrop: "whole",
  epochs: 2,
  batchSize: 8,
  lr: 0.02,
  pea: "SM50%",
  threads: 1,
};

/** Trains to the end, or to a step, and gives the run's folder. */
async function trained(recipe: RecipeInput, stopAfter?: number): Promise<string> {
  const runDirectory = join(temporaryFolder(), "run");
  const stop = new AbortController();
  const observe = () => ({ onStep: (step: number) => step === stopAfter && stop.abort() });
  const run = train({ ...settings, ...recipe }, { runDirectory, signal: stop.signal, observe });
  if (stopAfter === undefined) await run;
  else await assert.rejects(run, TrainingInterrupted);
  return runDirectory;
}

type Part = "train" | "validation" | "test";

/** Names of the images of each part. */
async function partsOf(recipe: RecipeInput): Promise<Record<Part, string[]>> {
  const { resolveRecipe } = await import("../../src/recipe/recipe.ts");
  const data = await openData(resolveRecipe({ source: "the test", settings: { ...settings, ...recipe } }));
  return namesIn(data);
}

function namesIn(data: RecipeData): Record<Part, string[]> {
  const names = (part: Part) => {
    const source = data[part];
    assert.ok(source !== null && "nameOf" in source);
    return Array.from(source.labels, (_, index) => source.nameOf(index));
  };
  return { train: names("train"), validation: names("validation"), test: names("test") };
}

const evaluated = async (run: string, ...flags: string[]) => {
  const { code, stdout, stderr } = await peaHere("eval", run, "--json", ...flags);
  return { code, stderr, document: JSON.parse(stdout) };
};

describe("a run whose class folders change after it was trained", () => {
  it("keeps its parts when an image comes, and says so", async () => {
    const dataDir = photos();
    const run = await trained({ dataDir });
    const before = await partsOf({ dataDir });
    const unchanged = await evaluated(run);
    assert.equal(unchanged.stderr, "");
    assert.deepEqual(unchanged.document.dataChanges, {
      images: { validation: before.validation.length, test: before.test.length },
      added: { train: 0, validation: 0, test: 0, unused: 0 },
      gone: { train: 0, validation: 0, test: 0, unused: 0 },
      moved: [],
      trainedOn: { validation: [], test: [] },
    });
    writeFiles(dataDir, { "cat/new.jpg": images.get("cat/new.jpg") as Buffer });
    const after = await partsOf({ dataDir });
    for (const part of ["train", "validation", "test"] as const)
      assert.deepEqual(
        after[part].filter((name) => name !== "cat/new"),
        before[part],
      );
    const { code, stderr, document } = await evaluated(run);
    assert.equal(code, 0);
    assert.match(stderr, /the data have changed since .*run began: 1 image is new \(1 \w+\)/);
    const { added } = document.dataChanges;
    assert.equal(added.train + added.validation + added.test, 1);
  });

  it("has no record of them where an earlier version began it, and says so", async () => {
    const run = await trained({ dataDir: photos() });
    rmSync(join(run, "parts.safetensors"));
    const { code, stderr, document } = await evaluated(run);
    assert.deepEqual([code, document.dataChanges], [0, null]);
    assert.match(stderr, /begun by a version that kept no record of the images: whether they have changed/);
  });

  it("is refused where images that it was trained on are test images now, unless told otherwise", async () => {
    const dataDir = photos();
    const run = await trained({ dataDir, splitBy: "position" });
    // A copy ahead of the others moves all after it by one place.
    cpSync(join(dataDir, "cat/10.jpg"), join(dataDir, "cat/00.jpg"));
    const refused = await evaluated(run);
    assert.equal(refused.code, 2);
    assert.match(
      refused.stderr,
      /\d of the 9 test images were trained on by .*run, so that .*: .*\.jpg.*--allow-changed-data/,
    );
    const { code, document } = await evaluated(run, "--allow-changed-data");
    assert.equal(code, 0);
    const before = readParts(openRunDirectory(run));
    const { trainedOn } = document.dataChanges;
    assert.ok(trainedOn.test.length > 0);
    assert.equal(before?.ids.train.length, 72);
    for (const name of trainedOn.test) assert.match(name, /^\/.*\/(cat|dog|owl)\/\d\d\.jpg$/);
  });

  it("is refused where there are other classes", async () => {
    const dataDir = photos();
    const run = await trained({ dataDir });
    renameSync(join(dataDir, "owl"), join(dataDir, "eagle"));
    const { code, stderr } = await evaluated(run);
    assert.equal(code, 2);
    assert.match(stderr, /not the classes that the run was trained on \(new: eagle; gone: owl\).*--data-dir/);
  });
});

describe("a run that goes on after images were removed", () => {
  it("keeps its plan, its parts and its record", async () => {
    const dataDir = photos();
    const run = await trained({ dataDir }, 5);
    const before = await partsOf({ dataDir });
    const steps = Math.floor(before.train.length / 8);
    // So many that an epoch has one batch less.
    const gone = before.train.slice(0, (before.train.length % 8) + 1);
    for (const name of gone) rmSync(join(dataDir, `${name}.jpg`));
    const notes: string[] = [];
    const result = await resumeTraining(run, { onNote: (note) => notes.push(note) });
    assert.deepEqual([result.stepsPerEpoch, result.steps], [steps, 2 * steps]);
    assert.equal(notes.length, 2);
    assert.match(
      notes[0] as string,
      new RegExp(`${gone.length} images? (is|are) gone \\(${gone.length} training\\)`),
    );
    assert.match(notes[1] as string, /goes on by the plan that it began with, but not bit for bit/);
    const rows = readMetrics(join(run, "metrics.jsonl")).filter(({ kind }) => kind === "epoch");
    assert.deepEqual(
      rows.map(({ step }) => step),
      [steps, 2 * steps],
    );
    const { resumed } = parse(readFileSync(join(run, "config.yaml"), "utf8"));
    assert.deepEqual(
      resumed.map(({ step }: { step: number }) => step),
      [5],
    );
    assert.match(resumed[0].data, /gone/);
    assert.equal(readParts(openRunDirectory(run))?.ids.train.length, before.train.length);
  });

  it("gets no image that it was trained on in its validation part, though a class has none left there", async () => {
    const dataDir = photos();
    const recipe = { dataDir, valFraction: 0.03 };
    const run = await trained(recipe, 5);
    const before = await partsOf(recipe);
    const ofCats = before.validation.filter((name) => name.startsWith("cat"));
    for (const name of ofCats) rmSync(join(dataDir, `${name}.jpg`));
    // Of itself the draw would put another cat in its place.
    const drawn = (await partsOf(recipe)).validation.filter((name) => name.startsWith("cat"));
    assert.ok(drawn.length > 0 && drawn.every((name) => before.train.includes(name)));
    const warnings: string[] = [];
    await resumeTraining(run, { onParts: (parts) => warnings.push(...parts.warnings) });
    assert.match(warnings.join(), /^the validation part has no image of cat \(\d+ in all\)$/);
  });

  it("goes on as ever where nothing has changed", async () => {
    const dataDir = photos();
    const run = await trained({ dataDir }, 5);
    const record = readFileSync(join(run, "parts.safetensors"));
    const notes: string[] = [];
    await resumeTraining(run, { onNote: (note) => notes.push(note) });
    assert.deepEqual(notes, []);
    assert.deepEqual(readFileSync(join(run, "parts.safetensors")), record);
    assert.equal(parse(readFileSync(join(run, "config.yaml"), "utf8")).resumed, undefined);
  });
});

describe("a run whose images move from the training part to another", () => {
  const all = () => [...images.keys()].slice(0, -1);
  const isTest = (name: string) => /\/[12]\d\.jpg$/.test(name) && Number(basename(name, ".jpg")) < 14;
  let dataDir: string;
  before(() => {
    dataDir = photos(
      "train",
      all().filter((name) => !isTest(name)),
    );
    cpSync(photos("test", all().filter(isTest)), dataDir, { recursive: true });
  });

  it("neither goes on nor is scored, unless told so, and knows it ever after", async () => {
    const run = await trained({ dataDir, valFraction: 0 }, 5);
    const moved = "dog/20.jpg";
    renameSync(join(dataDir, "train", moved), join(dataDir, "test", moved));
    await assert.rejects(resumeTraining(run), {
      kind: "usage",
      message: /1 of the 13 test images were trained on by .*test\/dog\/20\.jpg\. Restore the data/,
    });
    const notes: string[] = [];
    await resumeTraining(run, { allowChangedData: true, onNote: (note) => notes.push(note) });
    assert.match(notes[0] as string, /1 has moved from training to test/);
    const { code, stderr } = await evaluated(run);
    assert.equal(code, 2, "the image stays one that was trained on");
    assert.match(stderr, /1 of the 13 test images were trained on/);
    assert.equal((await evaluated(run, "--allow-changed-data")).code, 0);
  });
});

describe("a run on images in memory", () => {
  it("is refused where another image shifts its parts", async () => {
    const [dataDir, more] = [writeTinyData(), writeTinyData({ train: 250 })];
    const recipe: RecipeInput = {
      data: "idx",
      dataDir,
      imageSize: undefined,
      trainCrop: undefined,
      batchSize: 32,
    };
    const run = await trained(recipe);
    assert.equal((await evaluated(run)).stderr, "");
    const { code, stderr } = await evaluated(run, "--data-dir", more, "--part", "validation");
    assert.equal(code, 2);
    assert.match(stderr, /\d+ of the \d+ validation images were trained on by .*: image \d+/);
    // The test images are the same: they may be scored.
    const test = await evaluated(run, "--data-dir", more);
    assert.equal(test.code, 0);
    assert.match(test.stderr, /10 images are new/);
  });
});

describe("--allow-changed-data", () => {
  it("is for runs that have begun", async () => {
    const { code, stderr } = await peaHere("train", "--allow-changed-data");
    assert.equal(code, 2);
    assert.match(stderr, /is for a run that has begun: give it with --resume/);
  });
});
