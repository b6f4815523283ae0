import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type AdviseOptions, advise } from "../../src/advise/advise.ts";
import { candidatesFor } from "../../src/advise/candidates.ts";
import { writeChosenRecipe } from "../../src/advise/chosen-recipe.ts";
import { recipeFileFor } from "../../src/advise/subject.ts";
import { loadRecipe } from "../../src/recipe/load-recipe.ts";
import { variantName } from "../../src/recipe/method-keys.ts";
import { readRecipeFile } from "../../src/recipe/recipe-file.ts";
import type { Cell } from "../../src/study/grid.ts";
import type { StudyOptions } from "../../src/study/run-study.ts";
import { madeRuns } from "../support/made-pilot.ts";
import { pea } from "../support/pea-process.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";
import { usage } from "../support/usage-error.ts";

const dataDir = writeTinyData();
const folder = temporaryFolder();
const recipeFile = join(folder, "mine.yaml");
const keys = { dataDir, model: "mobilenet-0.02-small", epochs: 4, batchSize: 16, threads: 1 };
const writeRecipe = (more: object = {}) => writeFileSync(recipeFile, JSON.stringify({ ...keys, ...more }));
before(() => writeRecipe());

let outputs = 0;
const options = (more: Partial<AdviseOptions>): AdviseOptions => ({
  recipeFile,
  seconds: 100,
  output: join(folder, `advice-${outputs++}`),
  runs: join(folder, "runs"),
  signal: new AbortController().signal,
  onNote: () => {},
  watch: () => ({ stop() {} }),
  ...more,
});

describe("a pilot", () => {
  it("names what is shown to be above ReLU on seeds that it was not chosen by", async () => {
    const { train, trained } = madeRuns({ "WG75%": 2, "SM75%": 1, "ReLU + ema": 1.5 });
    const advice = await advise(options({ train }));
    assert.ok(!("unfinished" in advice));
    assert.equal(advice.choice.name, "WG75%");
    assert.equal(advice.comparison?.conclusion, "above");
    assert.deepEqual(
      advice.candidates.map(({ name, seeds }) => [name, seeds]),
      [
        ["WG75%", 4],
        ["ReLU + ema", 4],
        ["SM75%", 4],
        ["ReLU", 2],
        ["Mish, ReLU from 75%", 2],
        ["SM75% + ema", 2],
      ],
    );
    const compared = trained.filter((run) => /seed ([4-9]|1\d)$/.test(run));
    assert.ok(compared.every((run) => / (ReLU|WG75%) seed/.test(run)));
    assert.deepEqual(compared.length, 2 * advice.comparison.seeds.length);
    const [timed, ...others] = trained;
    assert.equal(timed, "mobilenet-0.02-small SM75% seed 0");
    assert.equal(new Set(others).size, others.length);
  });

  it("of a recipe that chooses PEA leaves that out, and says so", async () => {
    writeRecipe({ pea: "SG90%" });
    const { train, trained } = madeRuns({ "WG75%": 2 });
    const notes: string[] = [];
    try {
      const advice = await advise(options({ train, onNote: (note) => notes.push(note) }));
      assert.ok(!("unfinished" in advice));
      assert.equal(advice.choice.name, "WG75%");
    } finally {
      writeRecipe();
    }
    assert.equal(notes[0], `SG90% of ${recipeFile} is left out: advice is to say what to take in its place`);
    assert.ok(trained.length > 0 && !trained.some((run) => run.includes("SG90%")));
  });

  it("names ReLU where nothing is shown to be above it", async () => {
    const advice = await advise(options(madeRuns({})));
    assert.ok(!("unfinished" in advice));
    assert.deepEqual([advice.best.name, advice.choice.name], ["SM75%", "ReLU"]);
    assert.notEqual(advice.comparison?.conclusion, "above");
  });

  it("that is stopped goes on, and trains nothing twice", async () => {
    const whole = madeRuns({ "SM75%": 1 });
    const advice = await advise(options(whole));
    const stop = new AbortController();
    const first = madeRuns({ "SM75%": 1 });
    const watch = () => ({ stop() {}, onEnd: () => first.trained.length === 9 && stop.abort() });
    const half = options({ ...first, signal: stop.signal, watch });
    assert.deepEqual(await advise(half), { unfinished: "signal" });
    const second = madeRuns({ "SM75%": 1 }, undefined, first.ended);
    const resumed = await advise({
      ...half,
      ...second,
      signal: new AbortController().signal,
      watch: options({}).watch,
    });
    assert.deepEqual([...first.trained, ...second.trained], whole.trained);
    assert.deepEqual({ ...resumed, seconds: 0 }, { ...advice, seconds: 0 });
  });

  it("that is killed goes on to the recipe of the choice, and trains nothing twice", async () => {
    const whole = madeRuns({ "SM75%": 1 });
    const advice = await advise(options(whole));
    const given = options({});
    const trained: string[] = [];
    const notes = join(folder, "killed-pilot.json");
    const noted = () => JSON.parse(readFileSync(notes, "utf8"));
    // In the choice, and in the comparison.
    for (const count of [9, 12]) {
      const entry = join(import.meta.dirname, "../support/killed-pilot.ts");
      const words = [entry, recipeFile, given.output, given.runs, notes, String(count)];
      const { signal, stderr } = spawnSync(
        process.execPath,
        ["--conditions=pea-source", "--import", "tsx", ...words],
        { encoding: "utf8" },
      );
      assert.equal(signal, "SIGKILL", stderr);
      trained.push(...noted().trained);
    }
    assert.match(String(trained.at(-1)), /seed [4-9]$/);
    const last = madeRuns({ "SM75%": 1 }, undefined, new Set(noted().ended));
    const resumed = await advise({ ...given, ...last });
    assert.deepEqual([...trained, ...last.trained], whole.trained);
    assert.deepEqual({ ...resumed, seconds: 0 }, { ...advice, seconds: 0 });
    assert.ok(!("unfinished" in resumed));
    const recipe = await loadRecipe(
      readRecipeFile(writeChosenRecipe(given.output, recipeFile, resumed.choice)),
    );
    assert.deepEqual([variantName(recipe), recipe.model], ["SM75%", keys.model]);
  });

  it("compares nothing where there is no time for three pairs, and goes on with more", async () => {
    // What takes no time here is said to have taken long.
    const given = options(madeRuns({ "SM75%": 1 }, (epochs) => (epochs === 1 ? 0.1 : 17)));
    const early = await advise(given);
    assert.ok(!("unfinished" in early));
    assert.deepEqual([early.comparison, early.best.name, early.choice.name], [null, "SM75%", "ReLU"]);
    assert.equal(early.rounds, 1);
    const later = await advise({ ...given, seconds: 17 * 8.5 });
    assert.ok(!("unfinished" in later));
    assert.deepEqual([later.comparison?.seeds, later.choice.name], [[4, 5, 6, 7], "SM75%"]);
    assert.equal(later.rounds, 1);
  });

  it("holds the round that was left out where there is time for it later, unless the comparison has begun", async () => {
    const given = options(madeRuns({ "SM75%": 1 }, (epochs) => (epochs === 1 ? 0.1 : 17)));
    const early = await advise(given);
    assert.ok(!("unfinished" in early) && early.rounds === 1);
    const later = await advise({ ...given, seconds: 17 * 30 });
    assert.ok(!("unfinished" in later));
    assert.equal(later.rounds, 2);
    assert.ok(later.candidates.some(({ seeds }) => seeds === 4));
  });

  it("whose runs turn out slower than the timed one leaves out a round, so that there is time for the comparison", async () => {
    const notes: string[] = [];
    const given = options({
      ...madeRuns({ "SM75%": 1 }, (epochs) => (epochs === 1 ? 0.1 : 10)),
      onNote: (note) => notes.push(note),
    });
    const advice = await advise(given);
    assert.ok(!("unfinished" in advice));
    assert.deepEqual([advice.comparison?.seeds, advice.choice.name], [[4, 5, 6, 7], "SM75%"]);
    assert.ok(
      advice.candidates.every(({ seeds }) => seeds === 2),
      JSON.stringify(advice.candidates),
    );
    assert.ok(
      notes.some((note) => note.startsWith("round 2 is left out: ")),
      notes.join("\n"),
    );
    // With more time it says the same: the comparison has begun.
    const later = await advise({ ...given, seconds: 1000 });
    assert.deepEqual({ ...later, seconds: 0 }, { ...advice, seconds: 0 });
  });

  it("that has ended says the same again, whatever the time", async () => {
    const { train, ended } = madeRuns({ "SM75%": 1 });
    const given = options({ train });
    const advice = await advise(given);
    // As a study does that finds nothing left to train.
    const again = async (study: StudyOptions) => {
      const { stopped } = await madeRuns({}, undefined, ended).train(study);
      assert.ok(study.grid.every((cell) => study.ledger.has(cell)));
      return { trained: 0, failed: [], stopped: stopped || study.signal.aborted };
    };
    const seconds = 1e-6;
    assert.deepEqual(
      { ...(await advise({ ...given, train: again, seconds })), seconds },
      { ...advice, seconds },
    );
  });

  it("whose time is up in the comparison compares the pairs that have ended", async () => {
    const upAfter = async (pairs: number) => {
      const { train } = madeRuns({ "SM75%": 1 });
      let runs = 0;
      const cut = async (study: StudyOptions) => {
        if (study.study.name !== "comparison") return train(study);
        const grid = study.grid.toSorted((a, b) => a.seed - b.seed).slice(0, 2 * pairs + 1);
        runs = study.grid.length;
        return { ...(await train({ ...study, grid })), stopped: true };
      };
      const advice = await advise(options({ train: cut }));
      assert.ok(!("unfinished" in advice));
      assert.equal(runs, 2 * advice.pairs);
      return advice;
    };
    const { comparison, choice, pairs } = await upAfter(4);
    assert.deepEqual([comparison?.seeds, choice.name], [[4, 5, 6, 7], "SM75%"]);
    assert.ok(pairs > 4, `${pairs}`);
    const early = await upAfter(2);
    assert.deepEqual([early.comparison, early.best.name, early.choice.name], [null, "SM75%", "ReLU"]);
  });

  it("has time for days without end", async () => {
    const advice = await advise(options({ ...madeRuns({ "SM75%": 1 }), seconds: 700 * 3600 }));
    assert.ok(!("unfinished" in advice));
    assert.equal(advice.choice.name, "SM75%");
  });

  /** One run of the variant fails, and has no result. */
  const failing = (variant: string, diverged: boolean) => {
    const notes: string[] = [];
    const { train } = madeRuns({ "WG75%": 2, "SM75%": 1 });
    const cut = async (study: StudyOptions) => {
      const fails = (cell: Cell) =>
        study.study.name !== "timing" && cell.variant === variant && cell.seed === 1;
      const done = await train({ ...study, grid: study.grid.filter((cell) => !fails(cell)) });
      const failed = study.grid
        .filter(fails)
        .map((cell) => ({ cell, directory: "runs/it", message: "the training loss became NaN", diverged }));
      return { ...done, failed };
    };
    return { notes, result: advise(options({ train: cut, onNote: (note) => notes.push(note) })) };
  };

  it("goes on without a candidate that diverges", async () => {
    const { notes, result } = failing("WG75%", true);
    const advice = await result;
    assert.ok(!("unfinished" in advice));
    assert.equal(advice.choice.name, "SM75%");
    const { seeds, validation } = advice.candidates.find(({ name }) => name === "WG75%") ?? {};
    assert.deepEqual([seeds, validation], [1, null]);
    const left = notes.filter((note) => note.startsWith("WG75% is left out: "));
    assert.match(left.join("\n"), /^.*WG75% seed 1: the training loss became NaN$/);
  });

  it("names ReLU's run that diverges, and any that fails otherwise", async () => {
    const message = (variant: string) => ({
      message: `mobilenet-0.02-small ${variant} seed 1 failed: the training loss became NaN (runs/it)`,
    });
    await assert.rejects(failing("ReLU", true).result, message("ReLU"));
    await assert.rejects(failing("WG75%", false).result, message("WG75%"));
  });

  it("whose time is up in the choice says so", async () => {
    const train = async ({ signal }: StudyOptions) => {
      await sleep(10_000, null, { signal }).catch(() => {});
      return { trained: 0, failed: [], stopped: true };
    };
    assert.deepEqual(await advise(options({ train, seconds: 0.01 })), { unfinished: "time" });
  });

  it("of another recipe is told from this one", async () => {
    const given = options(madeRuns({}));
    await advise(given);
    writeRecipe({ lr: 0.123 });
    try {
      await assert.rejects(
        advise(given),
        usage(/holds the pilot of a recipe that differs in lr; give this one another --output/),
      );
    } finally {
      writeRecipe();
    }
  });

  it("is refused where another one has its output or its runs, in which nothing changes", async () => {
    const given = options(madeRuns({}));
    const refused = async (second: Partial<AdviseOptions>, place: string) => {
      const before = readdirSync(given.output);
      const { train, trained } = madeRuns({});
      await assert.rejects(
        advise({ ...given, train, ...second }),
        usage(new RegExp(`${place} is in use by process \\d+`)),
      );
      assert.deepEqual([readdirSync(given.output), trained], [before, []]);
    };
    let asked = 0;
    const watch = () => ({ stop() {} });
    const train = async (study: StudyOptions) => {
      if (asked++ === 0) {
        await refused({}, given.output);
        await refused({ output: `${given.output}-other` }, given.runs);
        await refused({ runs: `${given.runs}-other` }, given.output);
      }
      return madeRuns({}).train(study);
    };
    assert.ok(!("unfinished" in (await advise({ ...given, train, watch }))), "the first ends");
    assert.equal(asked, 4);
    const again = await advise({ ...given, ...madeRuns({}), runs: given.output });
    assert.ok(!("unfinished" in again), "what it locked is free in the end, and one folder may be both");
  });

  it("needs validation images apart from the test part", async () => {
    writeRecipe({ validateOn: "test", valFraction: 0 });
    try {
      await assert.rejects(
        advise(options(madeRuns({}))),
        usage(/keeps none apart from the test part; take a valFraction/),
      );
    } finally {
      writeRecipe();
    }
  });
});

const recipeWith = (more: object) => {
  writeRecipe(more);
  return loadRecipe(readRecipeFile(recipeFile)).finally(() => writeRecipe());
};

describe("candidates", () => {
  it("have the recipe's own methods", async () => {
    const candidates = candidatesFor(await recipeWith({ methods: ["mixup"] }));
    assert.deepEqual(candidates[0]?.settings.methods, undefined);
    assert.deepEqual(candidates.at(-1), {
      name: "SM75% + ema",
      settings: { pea: "SM75%", methods: [{ mixup: {} }, "ema"] },
    });
  });

  it("are not averaged where the recipe averages", async () => {
    const names = candidatesFor(await recipeWith({ methods: ["ema"] })).map(({ name }) => name);
    assert.deepEqual(names, ["ReLU", "SM75%", "WG75%", "Mish, ReLU from 75%"]);
  });

  it("leave out what the recipe chose itself, and keep the rest", async () => {
    const left = async (more: object) => {
      const candidates = candidatesFor(await recipeWith(more));
      const folder = temporaryFolder();
      writeRecipe(more);
      const recipes = candidates.map((candidate) =>
        loadRecipe(readRecipeFile(writeChosenRecipe(folder, recipeFile, candidate))),
      );
      // Each is read before the next is written.
      const names = (await Promise.all(recipes)).map(variantName);
      writeRecipe();
      return names;
    };
    const six = ["ReLU", "SM75%", "WG75%", "mish, ReLU from 75%", "ReLU + ema", "SM75% + ema"];
    assert.deepEqual(await left({ pea: "SG90%" }), six);
    assert.deepEqual(await left({ activation: "gelu", swapToRelu: "50%" }), six);
    assert.deepEqual(await left({ methods: ["lambda-gelu"] }), six);
    assert.deepEqual(await left({ methods: [{ pea: "SG90%" }, "ema"] }), [
      "ReLU + ema",
      "SM75% + ema",
      "WG75% + ema",
      "mish, ReLU from 75% + ema",
    ]);
  });
});

describe("a folder of data", () => {
  it("has a recipe with all candidates left to choose", async () => {
    const output = join(folder, "of-folder");
    const recipe = await loadRecipe(readRecipeFile(await recipeFileFor(dataDir, output)));
    assert.deepEqual([recipe.dataDir, recipe.data, recipe.pea], [dataDir, "idx", "none"]);
    assert.equal(candidatesFor(recipe).length, 6);
  });

  it("is told from another of its name", async () => {
    const output = join(folder, "of-two-folders");
    const file = await recipeFileFor(dataDir, output);
    assert.equal(await recipeFileFor(dataDir, output), file);
    await assert.rejects(
      recipeFileFor(writeTinyData({ train: 20, test: 20 }), output),
      usage(/data\.yaml is the recipe of another folder, .*; give this one another --output/),
    );
  });
});

it("the recipe of the choice extends the one that was asked about", async () => {
  const output = join(folder, "chosen");
  const file = writeChosenRecipe(output, recipeFile, { name: "SM75%", settings: { pea: "SM75%" } });
  assert.match(readFileSync(file, "utf8"), /^# SM75%, as pea advise chose it\.\nextends: \.\.\/mine\.yaml\n/);
  const recipe = await loadRecipe(readRecipeFile(file));
  assert.deepEqual([recipe.pea, recipe.model, recipe.epochs], ["SM75%", keys.model, 4]);
});

it("the command times a real run, and refuses a time that is too short", async () => {
  const output = join(folder, "command");
  const { code, stderr } = await pea(
    "advise",
    recipeFile,
    "--time",
    "20s",
    "--output",
    output,
    "--runs",
    join(folder, "command-runs"),
  );
  assert.equal(code, 2, stderr);
  assert.match(stderr, /timing a run of 208 images\n.*SM75% seed 0: .*\n.*take a --time of at least \d+m/s);
});
