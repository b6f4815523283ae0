import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { bundleForBrowser, runBare } from "./bundle.ts";

const packageFolder = new URL("..", import.meta.url).pathname;

test("the bundle for browsers holds this package's sources, all of them, and nothing else", async () => {
  const sources = readdirSync(join(packageFolder, "src"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => `src/${name}`)
    // Types alone: nothing is left of it in JavaScript.
    .filter((name) => name !== "src/activations/activation.ts");
  const { files } = await bundleForBrowser({ file: "src/index.ts" });
  assert.deepEqual(files.sort(), sources.sort());
});

test("an import from Node does not pass", async () => {
  await assert.rejects(
    bundleForBrowser({ code: 'import { readFileSync } from "node:fs"; readFileSync("x");' }),
    /node:fs/,
  );
});

test("the package has no dependency", () => {
  const manifest = JSON.parse(readFileSync(join(packageFolder, "package.json"), "utf8"));
  for (const field of ["dependencies", "peerDependencies", "optionalDependencies"])
    assert.ok(!(field in manifest));
});

test("everything works in a world with the language alone", async () => {
  const { script } = await bundleForBrowser({ file: "src/index.ts" });
  const calls = `
    const results = {
      node: [typeof process, typeof require, typeof Buffer, typeof setTimeout].join(),
      gelu: pea.activations.gelu.f(1),
      weighted: pea.weighted(-1, 0.5, "elu"),
      steps: pea.durationToSteps(pea.parseDuration("75%"), { stepsPerEpoch: 10, totalSteps: 100 }),
      alpha: pea.alphaAt(30, { initialSteps: 5, transitionSteps: 50, totalSteps: 100 }),
      variant: pea.formatVariant(pea.parseVariant("SM75%")),
      table: pea.paperTables.best.resnet18.top1,
    };
    try { pea.parseVariant("nonsense"); } catch (error) { results.error = error.name; }
    var json = JSON.stringify(results);
  `;
  assert.deepEqual(JSON.parse(runBare(script + calls).json as string), {
    node: "undefined,undefined,undefined,undefined",
    gelu: 0.8413447460685429,
    weighted: -0.31606027941427883,
    steps: 75,
    alpha: 0.5,
    variant: "SM75%",
    table: 70.51,
    error: "PeaError",
  });
});
