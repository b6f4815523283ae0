/** docs/add-a-network.md, step by step. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { stepsIn, take } from "../support/page-steps.ts";
import { peaHere } from "../support/pea-main.ts";
import { copyProject, projectRoot } from "../support/project-copy.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";

const page = readFileSync(join(projectRoot, "docs/add-a-network.md"), "utf8");
const [outside = "", inside = ""] = page.split("\n## ").slice(1);
const small = ["--data-dir", writeTinyData(), "--batch-size", "32"];

/** 1→16 of 5×5, 16→32 and 32→64 of 3×3, 64→10, each with biases. */
const parameters = 16 * (25 + 1) + 32 * (16 * 9 + 1) + 64 * (32 * 9 + 1) + 10 * (64 + 1);

describe("by a module of one's own", () => {
  test("the page shows the example", () => {
    const example = readFileSync(join(projectRoot, "examples/own-network/plain-network.ts"), "utf8");
    assert.equal(/```ts\n(.*?)```/s.exec(outside)?.[1], example.replace(/^\/\*\*.*\*\/\n/, ""));
  });

  test("the commands of the page take it", async () => {
    const commands = [...outside.matchAll(/^npx \S+ (.*)$/gm)].map(([, words = ""]) =>
      words.split(" ").map((word) => (word.startsWith("examples/") ? join(projectRoot, word) : word)),
    );
    assert.equal(commands.length, 2);
    for (const words of commands) {
      const more = words[0] === "train" ? [...small, "--dry-run"] : [];
      const { code, stdout, stderr } = await peaHere(...words, ...more, "--json");
      assert.equal(code, 0, stderr);
      const plan = JSON.parse(stdout);
      assert.equal(words[0] === "train" ? plan.parameters : plan.params, parameters);
    }
  });
});

test("as a part of the project it takes a file and a place in a list", () => {
  const root = copyProject();
  const steps = stepsIn(inside);
  assert.deepEqual(
    steps.map(({ path }) => path),
    ["packages/pea/src/models/plain-network.ts", "packages/pea/src/models/built-in.ts"],
  );
  for (const step of steps) take(root, step);
  const node = (...words: string[]) =>
    execFileSync(process.execPath, words, { cwd: root, encoding: "utf8", stdio: "pipe" });
  const main = join(root, "packages/pea/src/cli/main.ts");
  writeFileSync(
    join(root, "pea.ts"),
    `import { main } from ${JSON.stringify(main)};\nprocess.exitCode = await main(process.argv.slice(2));`,
  );
  const pea = (...words: string[]) =>
    JSON.parse(node("--conditions=pea-source", "--import", "tsx", "pea.ts", ...words, "--json"));
  assert.equal(pea("models").models.at(-1).name, "plain-network");
  const run = join(temporaryFolder(), "run");
  const result = pea(
    "train",
    "--model",
    "plain-network",
    "--epochs",
    "4",
    ...small,
    "--pea",
    "SM50%",
    "--run",
    run,
  );
  assert.equal(result.sites, 3);
  assert.equal(pea("export", run).operators.Relu, 3);
  const config = {
    extends: "./tsconfig.test.json",
    compilerOptions: { typeRoots: [join(projectRoot, "node_modules/@types")] },
    include: ["packages/pea/src/**/*.ts"],
  };
  writeFileSync(join(root, "tsconfig.steps.json"), JSON.stringify(config));
  node(join(projectRoot, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.steps.json");
});
