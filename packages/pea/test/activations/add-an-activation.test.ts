/** docs/add-an-activation.md, step by step. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { stepsIn, take } from "../support/page-steps.ts";
import { peaHere } from "../support/pea-main.ts";
import { copyProject, projectRoot } from "../support/project-copy.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";

const page = readFileSync(join(projectRoot, "docs/add-an-activation.md"), "utf8");
const [outside = "", inside = ""] = page.split("\n## ").slice(1);
const small = ["--data-dir", writeTinyData(), "--batch-size", "32"];

describe("by a module of one's own", () => {
  const example = readFileSync(join(projectRoot, "examples/own-activation/squareplus.ts"), "utf8");

  test("the page shows the example", () => {
    const [, code = ""] = /```ts\n(.*?)```/s.exec(outside) ?? [];
    assert.equal(code, example.replaceAll(/^\/\*\*.*\*\/\n/gm, ""));
  });

  test("the commands take it", async () => {
    const commands = [...outside.matchAll(/^npx \S+ (train .*)$/gm)].map(([, words = ""]) =>
      words.split(" "),
    );
    assert.equal(commands.length, 3);
    for (const words of commands) {
      const named = words.map((word) => (word.startsWith("examples/") ? join(projectRoot, word) : word));
      const { code, stdout, stderr } = await peaHere(...named, ...small, "--dry-run", "--json");
      assert.equal(code, 0, stderr);
      const { recipe, methods } = JSON.parse(stdout);
      assert.ok(
        [recipe.pea, recipe.activation].includes(words.includes("--pea") ? "SQ75%" : "squareplus"),
        `${methods}`,
      );
    }
  });
});

describe("as a part of the project", () => {
  const [description = "", kernel = ""] = inside.split("\n### ");
  let root: string;
  const node = (...words: string[]) =>
    execFileSync(process.execPath, words, { cwd: root, encoding: "utf8", stdio: "pipe" });

  before(() => {
    root = copyProject();
    for (const step of stepsIn(description)) take(root, step);
  });

  test("takes a file, and a place in two lists", () => {
    assert.deepEqual(
      stepsIn(description).map(({ path }) => path),
      [
        "packages/core/src/activations/squareplus.ts",
        "packages/core/src/activations/built-in.ts",
        "packages/torch/src/nn/activation.ts",
      ],
    );
  });

  test("its values are those of the formula, and its limits ReLU's", () => {
    writeFileSync(
      join(root, "values.ts"),
      `import { activations } from "@pea/core";
       const { f, df } = activations.squareplus;
       console.log(JSON.stringify([-Infinity, -1e6, -3, 0, 3, 1e6, Infinity].map((x) => [f(x), df(x)])));`,
    );
    const values = JSON.parse(
      node("--conditions=pea-source", "--import", "tsx", "values.ts").replaceAll("null", "1e999"),
    );
    const [r, far] = [Math.sqrt(13), 1e6];
    const expected = [
      [0, 0],
      // f = 1/|x| − 1/|x|³ + …, f′ its derivative.
      [1 / far, 1 / far ** 2],
      [(r - 3) / 2, (1 - 3 / r) / 2],
      [1, 0.5],
      [(r + 3) / 2, (1 + 3 / r) / 2],
      [far + 1 / far, 1 - 1 / far ** 2],
      [Number.POSITIVE_INFINITY, 1],
    ];
    for (const [i, pair] of expected.entries())
      for (const [j, value] of pair.entries()) {
        const found = values[i][j];
        assert.ok(
          found === value || Math.abs(found - value) <= 3e-12 * Math.abs(value),
          `${i} ${j}: ${found}, ${value}`,
        );
      }
  });

  test("is trained by the command, without a kernel", () => {
    const words = ["train", "--model", "mobilenet-0.02-small", "--epochs", "4", ...small, "--json"];
    const main = join(root, "packages/pea/src/cli/main.ts");
    writeFileSync(
      join(root, "pea.ts"),
      `import { main } from ${JSON.stringify(main)};\nprocess.exitCode = await main(process.argv.slice(2));`,
    );
    const pea = (...more: string[]) =>
      JSON.parse(node("--conditions=pea-source", "--import", "tsx", "pea.ts", ...words, ...more));
    const run = join(temporaryFolder(), "run");
    assert.equal(pea("--pea", "SQ50%", "--run", run).recipe.pea, "SQ50%");
    assert.equal(pea("--activation", "squareplus", "--dry-run").recipe.activation, "squareplus");
  });

  test("takes a kernel, which computes the same", () => {
    for (const step of stepsIn(kernel)) take(root, step);
    const source = join(root, "kernel.cc");
    writeFileSync(
      source,
      `#include <cstdio>
       #include <initializer_list>
       #include "ensemble/ensembles.h"
       using pea::PEA_CAPABILITY::Squareplus;
       template <typename F> void print(F x) {
         const auto gap = Squareplus::gap(x, x <= 0);
         std::printf("[%g, %.17g, %.17g],", (double)x, (double)gap.value, (double)gap.growth);
       }
       int main() {
         static_assert(pea::Smooth::kSquareplus != pea::Smooth::kElu);
         for (double x : {-30.0, -3.0, -0.5, 0.0, 0.5, 3.0, 30.0}) print(x), print((float)x);
       }`,
    );
    const options = [
      "-std=c++17",
      "-O1",
      "-fopenmp-simd",
      "-Wall",
      "-Wextra",
      "-Werror",
      "-Wno-unused-function",
    ];
    const include = `-I${join(root, "packages/kernels/native")}`;
    execFileSync("g++", [
      ...options,
      "-DPEA_CAPABILITY=portable",
      include,
      source,
      "-o",
      join(root, "kernel"),
    ]);
    const printed = execFileSync(join(root, "kernel"), { encoding: "utf8" });
    for (const [i, [x, gap, growth]] of JSON.parse(`[${printed.slice(0, -1)}]`).entries()) {
      const limit = i % 2 === 0 ? 1e-14 : 1e-7;
      const r = Math.sqrt(x * x + 4);
      assert.ok(Math.abs(gap - (Math.max(x, 0) - (x + r) / 2)) < limit, `gap of ${x}`);
      const slope = (1 + x / r) / 2;
      assert.ok(Math.abs(growth - (x > 0 ? 1 - slope : slope)) < limit, `growth of the gap at ${x}`);
    }
  });

  test("is of the right types after all steps", () => {
    const config = {
      extends: "./tsconfig.test.json",
      compilerOptions: { typeRoots: [join(projectRoot, "node_modules/@types")] },
      include: ["packages/*/src/**/*.ts"],
    };
    writeFileSync(join(root, "tsconfig.steps.json"), JSON.stringify(config));
    node(join(projectRoot, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.steps.json");
  });
});
