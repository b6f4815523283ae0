/** docs/add-a-task.md, step by step. */
import "../support/one-thread.ts";
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { scope, tensor } from "@pea/torch";
import { datasetNamed, registerDataset } from "../../src/data/sets/registry.ts";
import { importFile } from "../../src/recipe/import-file.ts";
import { classification } from "../../src/tasks/classification/classification.ts";
import { evaluate } from "../../src/tasks/evaluate.ts";
import { meanScores } from "../../src/tasks/mean-scores.ts";
import { createTask, registerTask } from "../../src/tasks/registry.ts";
import { mainScore, type Sums, type Task } from "../../src/tasks/task.ts";
import { train } from "../../src/train/train.ts";
import { peaHere } from "../support/pea-main.ts";
import { projectRoot } from "../support/project-copy.ts";
import { fingerprint, trainInParts } from "../support/run-in-parts.ts";
import { temporaryFolder } from "../support/tiny-data.ts";
import { usage } from "../support/usage-error.ts";

const example = join(projectRoot, "examples/own-task/grades.ts");
const page = readFileSync(join(projectRoot, "docs/add-a-task.md"), "utf8");
const folder = temporaryFolder();
const parts = join(folder, "parts");

before(async () => {
  mkdirSync(parts);
  // Grades by brightness, the pixels of an image being equal.
  const line = (i: number) =>
    [i % 4, ...Array.from({ length: 64 }, () => 20 + 60 * (i % 4) + (i % 7))].join(",");
  for (const [name, count] of Object.entries({ train: 80, test: 40 }))
    writeFileSync(join(parts, `${name}.csv`), Array.from({ length: count }, (_, i) => line(i)).join("\n"));
  await importFile(example);
});

test("the page shows the example", () => {
  const [, code = ""] = /```ts\n(.*?)```/s.exec(page) ?? [];
  assert.equal(code, readFileSync(example, "utf8").replace(/^\/\*\*.*?\*\/\n/s, ""));
});

describe("the example", () => {
  // Softmax of [0, 0, 0, ln 3]: 1/6, 1/6, 1/6, 1/2. Labels 3 and 1: the likeliest answer is off by 0 and by 2.
  const logits = () => tensor(Array(2).fill([0, 0, 0, Math.log(3)]));
  const labels = () => tensor(BigInt64Array.of(3n, 1n));
  const grades = () => createTask("grades", ["a", "b", "c", "d"]);

  test("has a loss that grows with the distance", () => {
    const found = scope(() => grades().loss(logits(), labels()).item());
    // Cross-entropy: ln 2 and ln 6. Distances: (3 + 2 + 1) / 6, and 1/6 + 0 + 1/6 + 2/2.
    const expected = (Math.log(2) + Math.log(6)) / 2 + (1 + 4 / 3) / 2;
    assert.ok(Math.abs(found - expected) < 1e-6, `${found}, not ${expected}`);
  });

  test("scores shares of the images, also between two readings and going on from sums kept as JSON", () => {
    const task = grades();
    const count = (start?: Sums) => task.startSums({ device: "cpu", purpose: "evaluation", start });
    const first = count();
    scope(() => first.add(tensor(0.5), logits(), labels()));
    const before = first.read();
    assert.deepEqual(task.scores(before), { loss: 0.5, within1: 50, exact: 50 });
    const second = count(JSON.parse(JSON.stringify(before)));
    scope(() => second.add(tensor(1.5), logits(), tensor(BigInt64Array.of(2n, 2n))));
    const after = second.read();
    assert.deepEqual(task.scores(after), { loss: 1, within1: 75, exact: 25 });
    assert.deepEqual(task.scores(after, before), { loss: 1.5, within1: 100, exact: 0 });
    for (const sums of [first, second]) sums.dispose();
  });
});

describe("a run of a task of one's own", () => {
  const recipe = {
    model: "mobilenet-0.02-small",
    data: "graded-parts",
    dataDir: parts,
    pea: "SM50%",
    epochs: 4,
    batchSize: 16,
    lr: 0.05,
    threads: 1,
    scoreTest: "epochs",
  } as const;
  const run = join(folder, "run");
  before(() => train(recipe, { runDirectory: run }));

  test("chooses, tells and keeps models by its score", async () => {
    const { metric, last, best, breakdown } = JSON.parse(readFileSync(join(run, "result.json"), "utf8"));
    assert.equal(metric, "within1");
    assert.deepEqual(Object.keys(last.test), ["loss", "within1", "exact"]);
    assert.equal(breakdown.classes.length, 4);
    assert.ok(best.validationScore >= 0 && best.validationScore <= 100);
    const { stdout } = await peaHere("train", "--resume", run);
    assert.match(
      stdout,
      new RegExp(`last model {3}epoch 4 {2}test within1 ${last.test.within1.toFixed(2)} %`),
    );
  });

  test("is scored again, exported and shown", async () => {
    const { last } = JSON.parse(readFileSync(join(run, "result.json"), "utf8"));
    const scored = await peaHere("eval", run, "--checkpoint", "last");
    assert.equal(scored.code, 0, scored.stderr);
    const [within1, exact] = [last.test.within1.toFixed(2), last.test.exact.toFixed(2)];
    assert.ok(scored.stdout.includes(`within1 ${within1} %  exact ${exact} %`), scored.stdout);
    assert.equal((await peaHere("export", run)).code, 0);
    const report = await peaHere("report", run);
    assert.match(report.stdout, /Test within1: SM50% \(seed 0\)/);
    assert.match(readFileSync(join(run, "report.html"), "utf8"), /within1 of the deployed network/);
  });

  test("is stopped in the midst of an epoch and goes on bit for bit", async () => {
    const parts = await trainInParts(recipe, [2, 7]);
    assert.deepEqual(fingerprint(parts.runDirectory), fingerprint(run));
  });

  test("is compared in a study by its score", async () => {
    const study = join(folder, "study.yaml");
    const { model, pea, ...settings } = recipe;
    const content = {
      settings: { ...settings, import: example, epochs: 2 },
      networks: [model],
      variants: ["ReLU", pea],
      seeds: [0],
    };
    writeFileSync(study, JSON.stringify(content));
    const results = join(folder, "results");
    const { code, stderr } = await peaHere(
      "study",
      "-c",
      study,
      "-o",
      results,
      "--runs",
      join(folder, "runs"),
    );
    assert.equal(code, 0, stderr);
    const lines = readFileSync(join(results, "results.jsonl"), "utf8").trim().split("\n");
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).metric),
      ["within1", "within1"],
    );
    assert.match(readFileSync(join(results, "table.md"), "utf8"), /within1/);
  });
});

test("a task may have more to say in pea eval than training knows", async () => {
  registerTask({
    name: "grades-in-full",
    create: (classes) => ({
      ...createTask("grades", classes),
      name: "grades-in-full",
      evaluation: {
        givesMaps: false,
        tellsClasses: true,
        score: async (model, loader, _, options) => {
          const scores = await evaluate(model, loader, options);
          return { scores, twice: { loss: 2 * scores.loss, within1: scores.within1 } };
        },
        describe: ({ twice = {} }) => [
          "twice the loss:",
          {
            columns: ["view", "loss"],
            rows: Object.entries(twice).map(([view, { loss }]) => [view, `${loss}`]),
          },
        ],
      },
    }),
  });
  const { open, ...others } = datasetNamed("graded-parts");
  registerDataset({ ...others, name: "graded-in-full", task: "grades-in-full", open });
  const run = join(folder, "in-full");
  const settings = { model: "mobilenet-0.02-small", data: "graded-in-full", dataDir: parts } as const;
  await train({ ...settings, epochs: 1, batchSize: 16, threads: 1 }, { runDirectory: run });
  const { scores, twice } = JSON.parse((await peaHere("eval", run, "--json")).stdout);
  assert.equal(twice.current.loss, 2 * scores.current.loss);
  const { stdout } = await peaHere("eval", run);
  assert.match(stdout, new RegExp(`^twice the loss:\nview\\s+loss\ncurrent\\s+${twice.current.loss}$`, "m"));
  assert.doesNotMatch(stdout, /^Classes$/m);
});

describe("what cannot be a task", () => {
  const create = (classes: readonly string[]) => classification(classes) as Task;

  test("is refused with the reason", () => {
    assert.throws(
      () => registerTask({ name: "segmentation", create }),
      usage(/named segmentation exists already/),
    );
    assert.throws(() => registerTask({ name: "Of mine", create }), usage(/small letters, digits and dashes/));
    assert.throws(
      () => registerTask({ name: "half" } as never),
      usage(/create of task half is missing, but must be a function/),
    );
  });

  test("is not known by a name that is near", () => {
    assert.throws(
      () => createTask("grade", ["a"]),
      usage(/is "grade", but must be one of classification, segmentation, grades.*; did you mean "grades"\?/),
    );
  });
});

test("the metric of means is the first of them", () => {
  const zero = () => tensor([0]);
  const { metric, scores } = meanScores({ first: zero, second: zero });
  assert.equal(metric, "first");
  assert.equal(mainScore(scores({ images: 2, loss: 1, totals: [1, 2] })), 50);
});
