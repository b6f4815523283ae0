/** docs/add-a-method.md, step by step. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { setNumThreads, type Tensor, tensor } from "@pea/torch";
import { parse } from "yaml";
import { z } from "zod";
import { chooseMethod, titleOf } from "../../src/methods/chosen-method.ts";
import { createMethods } from "../../src/methods/methods.ts";
import { registerMethod } from "../../src/methods/registry.ts";
import { importFile } from "../../src/recipe/import-file.ts";
import { train } from "../../src/train/train.ts";
import { stepsIn, take } from "../support/page-steps.ts";
import { peaHere } from "../support/pea-main.ts";
import { copyProject, projectRoot } from "../support/project-copy.ts";
import { fingerprint, trainInParts } from "../support/run-in-parts.ts";
import { smallRecipe } from "../support/small-recipe.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";
import { usage } from "../support/usage-error.ts";

setNumThreads(1);

const page = readFileSync(join(projectRoot, "docs/add-a-method.md"), "utf8");
const [outside = "", inside = ""] = page.split("\n## ").slice(1);
const example = join(projectRoot, "examples/own-method/confidence-penalty.ts");
const small = ["--data-dir", writeTinyData(), "--batch-size", "32"];

describe("by a module of one's own", () => {
  before(() => importFile(example));

  test("the page shows the example", () => {
    const [, code = ""] = /```ts\n(.*?)```/s.exec(outside) ?? [];
    assert.equal(
      code,
      readFileSync(example, "utf8").replace(/^\/\*\* A training method of one's own.*\n/, ""),
    );
  });

  test("the commands take it, with settings and other methods", async () => {
    const commands = [...outside.matchAll(/^npx \S+ (train .*)$/gm)].map(([, words = ""]) =>
      [...words.matchAll(/"([^"]*)"|\S+/g)].map(([word, quoted]) => quoted ?? word),
    );
    const found = [];
    for (const words of commands) {
      const named = words.map((word) => (word.startsWith("examples/") ? join(projectRoot, word) : word));
      const { code, stdout, stderr } = await peaHere(...named, ...small, "--dry-run", "--json");
      assert.equal(code, 0, stderr);
      found.push(JSON.parse(stdout).methods);
    }
    assert.deepEqual(found, [
      ["SM75%", "confidence-penalty"],
      ["confidence-penalty 0.3", "ema"],
    ]);
  });

  test("the recipe is one", async () => {
    const [, recipe = ""] = /```yaml\n(.*?)```/s.exec(outside) ?? [];
    assert.deepEqual(parse(recipe).methods, [
      "mixup",
      { "confidence-penalty": 0.3 },
      { ema: { decay: 0.999 } },
    ]);
    const folder = temporaryFolder();
    copyFileSync(example, join(folder, "confidence-penalty.ts"));
    writeFileSync(join(folder, "recipe.yaml"), recipe);
    const flags = ["-c", join(folder, "recipe.yaml"), "--import", example];
    const { code, stdout, stderr } = await peaHere("train", ...flags, ...small, "--dry-run", "--json");
    assert.equal(code, 0, stderr);
    const { methods } = JSON.parse(stdout);
    assert.deepEqual(methods, ["SM75%", "mixup", "confidence-penalty 0.3", "ema 0.999"]);
  });

  test("the hooks are all that the page lists", () => {
    const source = readFileSync(join(projectRoot, "packages/pea/src/methods/method.ts"), "utf8");
    const [, body = ""] = /export interface Method \{(.*?)\n\}/s.exec(source) ?? [];
    const hooks = [...body.matchAll(/^ {2}(?:readonly )?(\w+)\?/gm)].map(([, name]) => name);
    const [, table = ""] = /### The hooks\n(.*?)\n\n\[/s.exec(outside) ?? [];
    const listed = table
      .split("\n")
      .slice(3)
      .flatMap((row) => [...(row.split("|")[1] ?? "").matchAll(/`(\w+)/g)].map(([, name]) => name));
    assert.deepEqual(listed.toSorted(), hooks.toSorted());
  });

  test("its loss is the formula's", async () => {
    const methods = await createMethods([chooseMethod({ "confidence-penalty": 0.3 })]);
    const rows = [
      [1, 2, 0],
      [0, -1, 3],
    ];
    const logits = tensor(rows.flat(), { shape: [2, 3] });
    const labels = tensor(BigInt64Array.of(0n, 1n));
    const pass = {
      images: logits,
      labels,
      indices: Int32Array.of(0, 1),
      along: {},
      logits,
      step: 0,
      part: 0,
      lossAgainst: () => logits,
    };
    const entropies = rows.map((row) => {
      const sum = row.reduce((total, logit) => total + Math.exp(logit), 0);
      return row.reduce(
        (total, logit) => total - (Math.exp(logit) / sum) * Math.log(Math.exp(logit) / sum),
        0,
      );
    }) as [number, number];
    const expected = 5 - (0.3 * (entropies[0] + entropies[1])) / 2;
    const loss: Tensor = methods.loss(tensor(5, { shape: [] }), pass);
    assert.ok(Math.abs(loss.item() - expected) < 1e-6, `${loss.item()} is not ${expected}`);
  });

  test("a run of it goes on bit for bit where it was stopped, and is another than one without", async () => {
    const recipe = { ...smallRecipe, import: example, methods: ["confidence-penalty"] };
    const whole = await train(recipe, { runDirectory: join(temporaryFolder(), "run") });
    const parted = await trainInParts(recipe, [3, 8]);
    assert.deepEqual(fingerprint(parted.runDirectory), fingerprint(whole.runDirectory));
    const without = await train(smallRecipe, { runDirectory: join(temporaryFolder(), "run") });
    assert.notDeepEqual(fingerprint(without.runDirectory).last, fingerprint(whole.runDirectory).last);
  });

  test("a name that is taken or is none, and a main setting that is none, are refused", () => {
    const settings = z.strictObject({ beta: z.number() });
    const register = (more: object) => () =>
      registerMethod({ name: "other", settings, stage: "loss", create: () => ({}), ...more } as never);
    assert.throws(register({ name: "ema" }), usage(/there is a method "ema" already/));
    assert.throws(register({ name: "My method" }), usage(/"My method" cannot name a method/));
    assert.throws(register({ mainSetting: "gamma" }), usage(/"gamma", but its settings are beta/));
  });

  test("what a description lacks is named: a module's types are not checked", () => {
    const settings = z.strictObject({});
    const register = (more: object) => () =>
      registerMethod({ name: "half", settings, stage: "loss", create: () => ({}), ...more } as never);
    for (const none of [undefined, {}, z.string()])
      assert.throws(
        register({ settings: none }),
        usage(
          /^settings of method half is .*, but must be an object of zod, for no settings z\.strictObject/,
        ),
      );
    assert.throws(
      register({ stage: "los" }),
      usage(
        /^stage of method half is "los", but must be one of network, layers, precision, images, batch, loss, gradients, weights$/,
      ),
    );
    assert.throws(
      register({ create: undefined }),
      usage(/^create of method half is missing, but must be a function$/),
    );
  });

  test("a setting that does not hold is told in zod's words", () => {
    assert.equal(titleOf(chooseMethod("confidence-penalty")), "confidence-penalty");
    assert.throws(
      () => chooseMethod({ "confidence-penalty": -1 }),
      usage(/^beta of method confidence-penalty is -1: Too small/),
    );
  });
});

describe("as a part of the project", () => {
  test("its files and its place in the list are taken by the types, the recipe and the trainer", () => {
    const root = copyProject();
    const steps = stepsIn(inside);
    assert.deepEqual(
      steps.map(({ path }) => path.replace("packages/pea/src/methods/", "")),
      [
        "confidence-penalty/confidence-penalty.ts",
        "confidence-penalty/confidence-penalty-method.ts",
        "built-in.ts",
      ],
    );
    for (const step of steps) take(root, step);
    const node = (...words: string[]) =>
      execFileSync(process.execPath, words, { cwd: root, encoding: "utf8", stdio: "pipe" });
    const config = {
      extends: "./tsconfig.test.json",
      compilerOptions: { typeRoots: [join(projectRoot, "node_modules/@types")] },
      include: ["packages/pea/src/methods/**/*.ts"],
    };
    writeFileSync(join(root, "tsconfig.steps.json"), JSON.stringify(config));
    node(join(projectRoot, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.steps.json");
    const main = join(root, "packages/pea/src/cli/main.ts");
    writeFileSync(
      join(root, "pea.ts"),
      `import { main } from ${JSON.stringify(main)};\nprocess.exitCode = await main(process.argv.slice(2));`,
    );
    const run = join(temporaryFolder(), "run");
    const words = [
      "train",
      "--model",
      "mobilenet-0.02-small",
      "--epochs",
      "1",
      ...small,
      "--run",
      run,
      "--json",
    ];
    const methods = ["--methods", "mixup, confidence-penalty: 0.3, ema"];
    const result = JSON.parse(
      node("--conditions=pea-source", "--import", "tsx", "pea.ts", ...words, ...methods),
    );
    assert.deepEqual(result.recipe.methods[1], { "confidence-penalty": { beta: 0.3 } });
  });
});
