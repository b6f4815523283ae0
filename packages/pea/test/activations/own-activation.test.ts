/** An activation of one's own, from the command: in processes of their own, which know of it by `import` alone. */
import assert from "node:assert/strict";
import { copyFileSync, cpSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { setNumThreads } from "@pea/torch";
import sharp from "sharp";
import { parse } from "yaml";
import { readDiagnostics } from "../../src/diagnose/index.ts";
import { train } from "../../src/train/train.ts";
import { pea } from "../support/pea-process.ts";
import { fingerprint, trainInParts } from "../support/run-in-parts.ts";
import { smallRecipe } from "../support/small-recipe.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";

setNumThreads(1);
const example = fileURLToPath(new URL("../../../../examples/own-activation/squareplus.ts", import.meta.url));

/** Runs the command, which must succeed. */
async function succeed(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await pea(...words);
  assert.equal(code, 0, stderr);
  return stdout;
}

const small = ["--model", "mobilenet-0.02-small", "--epochs", "4", "--batch-size", "32", "--threads", "1"];

describe("a run with an activation of one's own", () => {
  const folder = temporaryFolder();
  const module = join(folder, "squareplus.ts");
  const run = join(folder, "run");
  const dataDir = writeTinyData();

  before(async () => {
    copyFileSync(example, module);
    writeFileSync(join(folder, "recipe.yaml"), "import: ./squareplus.ts\npea: SQ75%\nlr: 0.05\n");
    const recipe = ["-c", join(folder, "recipe.yaml"), "--data-dir", dataDir, ...small];
    await succeed("train", ...recipe, "--run", run);
  });

  test("keeps the path of the module, so that later commands know it", async () => {
    const { config } = parse(readFileSync(join(run, "config.yaml"), "utf8"));
    assert.deepEqual([config.import, config.pea], [module, "SQ75%"]);
    const { scores } = JSON.parse(await succeed("eval", run, "--json"));
    assert.deepEqual(Object.keys(scores), ["current"]);
    assert.match(await succeed("inspect", run), /activation sites {5}27 /);
  });

  test("ends as a ReLU network, which is exported and asked", async () => {
    const { operators } = JSON.parse(await succeed("export", run, "--json"));
    assert.equal(operators.Relu, 27);
    assert.equal(operators.Sqrt, undefined);
    const image = join(folder, "image.png");
    await sharp({ create: { width: 28, height: 28, channels: 3, background: "#777" } })
      .png()
      .toFile(image);
    const asked = JSON.parse(await succeed("predict", run, image, "--json"));
    assert.equal(asked.predictions.length, 1);
  });

  test("is reported with its curve among the others", async () => {
    await succeed("report", run);
    const page = readFileSync(join(run, "report.html"), "utf8");
    assert.match(page, /<option value="squareplus" selected>Squareplus<\/option>/);
    const data = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(page)?.[1] ?? "";
    const { shapes } = JSON.parse(data);
    // Its value at 1 is the golden ratio.
    assert.equal(shapes.f.squareplus[shapes.x.indexOf(1)], 1.61803);
    assert.match(page, new RegExp(`npx pea\\S* train .*--import ${module} .*--pea SQ75%`));
  });

  test("asks for the module where it is gone, and takes it from where it is", async () => {
    const moved = join(folder, "moved", "squareplus.ts");
    mkdirSync(join(folder, "moved"));
    renameSync(module, moved);
    try {
      for (const command of [["eval"], ["report"], ["train", "--resume"]]) {
        const lost = await pea(...command, run);
        assert.deepEqual([command, lost.code], [command, 2]);
        assert.match(lost.stderr, /there is no module .*squareplus\.ts to import; .* with --import/);
        await succeed(...command, run, "--import", moved);
      }
    } finally {
      renameSync(moved, module);
    }
  });

  test("trains with it all along as the upper limit, or up to a swap", async () => {
    const flags = ["--import", module, "--activation", "squareplus", "--data-dir", dataDir, ...small];
    const upper = join(folder, "upper");
    await succeed("train", ...flags, "--run", upper);
    const { code, stderr } = await pea("export", upper);
    assert.deepEqual([code, /a run with squareplus all along/.test(stderr)], [2, true]);
    const swapped = join(folder, "swapped");
    await succeed("train", ...flags, "--swap-to-relu", "50%", "--run", swapped);
    assert.equal(JSON.parse(await succeed("export", swapped, "--json")).operators.Relu, 27);
  });

  test("is refused where nothing registers it, with what is known", async () => {
    const unknown = await pea("train", "--pea", "SQ75%", "--dry-run");
    assert.equal(unknown.code, 2);
    assert.match(
      unknown.stderr,
      /^pea: --pea is "SQ75%", but must be a variant code .* one of G, S, M, E, H, T, O for the network's own, or one that an imported module registers$/m,
    );
    const misspelt = await pea("train", "--import", module, "--activation", "squareplsu", "--dry-run");
    assert.equal(misspelt.code, 2);
    assert.match(
      misspelt.stderr,
      /^pea: --activation is "squareplsu", but must be relu, gelu, swish, mish, elu, hardswish, gelu-tanh, squareplus, or one that/m,
    );
  });
});

describe("training with an activation of one's own", () => {
  for (const pea of ["WQ50%", "SQ50%"])
    test(`${pea}: goes on bit for bit where it was stopped`, async () => {
      const recipe = { ...smallRecipe, import: example, pea };
      const whole = await train(recipe, { runDirectory: join(temporaryFolder(), "run") });
      const parted = await trainInParts(recipe, [3, 8, 13]);
      assert.deepEqual(fingerprint(parted.runDirectory), fingerprint(whole.runDirectory));
    });

  test("is diagnosed at each site, as the upper limit too", async () => {
    for (const settings of [{ pea: "SQ50%" }, { pea: "none", activation: "squareplus" }]) {
      const recipe = { ...smallRecipe, import: example, ...settings, diagnose: true };
      const { runDirectory, sites } = await train(recipe, { runDirectory: join(temporaryFolder(), "run") });
      const [row] = readDiagnostics(join(runDirectory, "diagnostics.jsonl"));
      assert.equal(row.views.current.sites.length, sites);
    }
  });
});

describe("a study with an activation of one's own", () => {
  const folder = temporaryFolder();
  const output = join(folder, "results");

  before(async () => {
    cpSync(example, join(folder, "squareplus.ts"));
    writeFileSync(
      join(folder, "study.yaml"),
      `
settings:
  import: ./squareplus.ts
  dataDir: ${writeTinyData()}
  epochs: 4
  batchSize: 32
  threads: 1
networks: [mobilenet-0.02-small]
variants: [ReLU, SQ50%, WQ50%, Squareplus]
seeds: [0]
`,
    );
    await succeed(
      "study",
      "-c",
      join(folder, "study.yaml"),
      "--output",
      output,
      "--runs",
      join(folder, "runs"),
    );
  });

  test("names its variants, and the upper limit after the activation", () => {
    const lines = readFileSync(join(output, "results.jsonl"), "utf8").trim().split("\n");
    const results = lines.map((line) => JSON.parse(line));
    assert.deepEqual(
      results.map(({ variant, settings: { pea, activation } }) => [variant, pea, activation]),
      [
        ["ReLU", "none", "relu"],
        ["SQ50%", "SQ50%", "relu"],
        ["WQ50%", "WQ50%", "relu"],
        ["squareplus", "none", "squareplus"],
      ],
    );
  });

  test("has its columns in the tables, and its letter", async () => {
    assert.match(
      await succeed("table", "2", output),
      /^\| Network \| Source \| +Baseline \| PEA-Squareplus 50% \|$/m,
    );
    // ReLU, the better of the two ensembles, and the upper limit by its letter.
    assert.match(await succeed("table", "4", output), /\((?:SQ|WQ)50%\) \| +[\d.]+ \(Q\) \|$/m);
  });

  test("is reported as PEA and as an upper limit, with the commands that repeat it", async () => {
    await succeed("report", output);
    const page = readFileSync(join(output, "report.html"), "utf8");
    assert.match(page, /<option value="squareplus" selected>Squareplus<\/option>/);
    assert.match(page, new RegExp(`--import ${join(folder, "squareplus.ts")} .*--activation squareplus`));
  });

  test("asks for the module where it is gone", async () => {
    const moved = join(folder, "moved.ts");
    renameSync(join(folder, "squareplus.ts"), moved);
    const lost = await pea("table", "2", output);
    assert.equal(lost.code, 2);
    assert.match(lost.stderr, /there is no module .*squareplus\.ts to import; .* with --import/);
    await succeed("table", "2", output, "--import", moved);
  });
});
