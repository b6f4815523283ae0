import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { readSafetensors, writeSafetensors } from "@pea/torch";
import { parse } from "yaml";
import { type RecipeInput, resolveRecipe } from "../../src/recipe/recipe.ts";
import { recipeHash } from "../../src/recipe/recipe-identity.ts";
import { resumeTraining, train } from "../../src/train/train.ts";
import { TrainingInterrupted } from "../../src/train/trainer.ts";
import { peaHere } from "../support/pea-main.ts";
import { smallRecipe } from "../support/small-recipe.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

/** A run that was stopped after 7 of its 18 steps. */
async function stoppedRun(recipe: RecipeInput = smallRecipe): Promise<string> {
  const runDirectory = join(temporaryFolder(), "run");
  const stop = new AbortController();
  const observe = () => ({ onStep: (step: number) => step === 7 && stop.abort() });
  await assert.rejects(train(recipe, { runDirectory, signal: stop.signal, observe }), TrainingInterrupted);
  return runDirectory;
}

const configOf = (run: string) => parse(readFileSync(join(run, "config.yaml"), "utf8"));

describe("a run that goes on", () => {
  it("may do so under other circumstances, which its config.yaml has from then on, with those before", async () => {
    const run = await stoppedRun();
    const began = configOf(run);
    const flags = ["--threads", "2", "--checkpoint-every-steps", "5", "--log-every-steps", "3"];
    const resumed = await peaHere("train", "--resume", run, ...flags);
    assert.equal(resumed.code, 0, resumed.stderr);
    const { config, resumed: notes, ...others } = configOf(run);
    const { config: configBefore, ...othersBefore } = began;
    assert.deepEqual(config, { ...configBefore, threads: 2, checkpointEverySteps: 5, logEverySteps: 3 });
    assert.deepEqual(notes, [
      { step: 7, before: { threads: 1, logEverySteps: 50, checkpointEverySteps: 0 } },
    ]);
    assert.deepEqual(others, othersBefore);
    await resumeTraining(run, { checkpointEverySteps: 0 });
    assert.deepEqual(configOf(run).resumed[1], { step: 18, before: { checkpointEverySteps: 5 } });
  });

  it("leaves its config.yaml as it is where nothing differs, settings given once more among them", async () => {
    const run = await stoppedRun();
    const began = readFileSync(join(run, "config.yaml"), "utf8");
    const { code, stderr } = await peaHere("train", "--resume", run, "--epochs", "3", "--threads", "1");
    assert.equal(code, 0, stderr);
    assert.equal(readFileSync(join(run, "config.yaml"), "utf8"), began);
  });

  for (const again of [
    ["--methods", "ema"],
    ["--methods", "ema: { decay: 0.9999 }"],
    ["--pea", "SM50%", "--methods", "[ema]"],
    ["--methods", "pea: { variant: SM50%, initial: 1ep }, ema"],
    ["--pea-initial", "1ep", "--l2-form", "keras"],
  ])
    it(`takes what it has however it is written: ${again.join(" ")}`, async () => {
      const run = await stoppedRun({ ...smallRecipe, peaInitial: "1ep", methods: ["ema"] });
      const began = readFileSync(join(run, "config.yaml"), "utf8");
      const { code, stderr } = await peaHere("train", "--resume", run, ...again);
      assert.equal(code, 0, stderr);
      assert.equal(readFileSync(join(run, "config.yaml"), "utf8"), began);
    });

  it("goes on where an earlier version knew it by another hash, which counted onBadSample in", async () => {
    const run = await stoppedRun();
    const last = join(run, "checkpoints", "last.safetensors");
    const { tensors, metadata } = readSafetensors(last);
    const state = JSON.parse(metadata.state ?? "");
    const recipe = resolveRecipe({ source: "the test", settings: smallRecipe });
    assert.equal(state.recipe, recipeHash(recipe));
    state.recipe = recipeHash(recipe, { onBadSample: "skip" });
    writeSafetensors(last, tensors, { state: JSON.stringify(state) });
    const path = join(run, "config.yaml");
    writeFileSync(path, readFileSync(path, "utf8").replace("onBadSample: fail", "onBadSample: skip"));
    assert.equal((await resumeTraining(run)).steps, 18);
  });
});

describe("pea train --resume with a setting that decides what is trained", () => {
  let run: string;
  before(async () => {
    run = await stoppedRun();
  });
  const refused = async (...flags: string[]) => {
    const { code, stderr } = await peaHere("train", "--resume", run, ...flags);
    assert.equal(code, 2);
    return stderr;
  };

  for (const [flags, message] of [
    [["--epochs", "16"], /epochs stays 3\. Leave --epochs out; or for 16 begin a new run/],
    [["--batch-size", "16"], /batchSize stays 32\. Leave --batch-size out; or for 16 begin a new run/],
    [["--l2", "0.1"], /l2\.coef stays 0\.0001\. Leave --l2 out; or for 0\.1 begin a new run/],
    [["--methods", "ema"], /methods stays \[\]\. Leave --methods out; or for \[\{"ema"/],
    [["--methods", "pea: SM60%"], /pea stays "SM50%"\. Leave --methods out; or for "SM60%" begin a new run/],
    [["--threads", "2", "--no-flip"], /flip stays true\. Leave --flip out; or for false begin a new run/],
  ] as const)
    it(`is refused: ${flags.join(" ")}`, async () => {
      const began = readFileSync(join(run, "config.yaml"), "utf8");
      assert.match(await refused(...flags), message);
      assert.equal(readFileSync(join(run, "config.yaml"), "utf8"), began);
    });

  it("names the command of a new run that begins with the weights, and that command works", async () => {
    const stderr = await refused("--epochs", "1");
    const words = /npx pea-train (train .*)$/m.exec(stderr)?.[1]?.split(" ") ?? [];
    assert.ok(
      words.join(" ").includes(`--initial-checkpoint ${join(run, "checkpoints", "last.safetensors")}`),
    );
    const fresh = join(temporaryFolder(), "fresh");
    const trained = await peaHere(...words, "--run", fresh);
    assert.equal(trained.code, 0, trained.stderr);
    const { model, pea, epochs } = configOf(fresh).config;
    assert.deepEqual([model, pea, epochs], [smallRecipe.model, "SM50%", 1]);
  });

  it("names no folder but the run's where another recipe is given with it", async () => {
    assert.match(
      await refused("--run", "elsewhere"),
      /--resume goes on with the recipe of .*; leave --run out/,
    );
  });
});

describe("a run that diverged", () => {
  const flags = ["--model", "dropout-network", "--data-dir", String(smallRecipe.dataDir), "--lr", "1e9"];

  it("speaks of no checkpoint where none was written, and is not told to go on", async () => {
    const run = join(temporaryFolder(), "run");
    const trained = await peaHere("train", ...flags, "--batch-size", "32", "--epochs", "1", "--run", run);
    assert.equal(trained.code, 1);
    assert.match(trained.stderr, /no checkpoint was written before/);
    assert.doesNotMatch(trained.stderr, /go on with/);
    const { stderr } = await peaHere("eval", run);
    assert.match(stderr, /has no checkpoint: it ended before the first was written/);
  });

  it("names the checkpoint that is kept, and is not told to go on from it", async () => {
    const run = join(temporaryFolder(), "run");
    const more = ["--batch-size", "32", "--epochs", "2", "--checkpoint-every-steps", "1", "--run", run];
    const { code, stderr } = await peaHere("train", ...flags, ...more);
    assert.equal(code, 1);
    assert.match(stderr, /the checkpoint of step \d+ is kept, but would lead there again/);
    assert.doesNotMatch(stderr, /go on with/);
  });
});
