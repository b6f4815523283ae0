import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Recipe, type RecipeInput, resolveRecipe } from "../../src/recipe/recipe.ts";
import { recipeHash } from "../../src/recipe/recipe-identity.ts";
import { type Cell, gridOf } from "../../src/study/grid.ts";
import { runsToTrain } from "../../src/study/run-study.ts";
import type { Study } from "../../src/study/study-file.ts";

const relu = { name: "ReLU", settings: { pea: "none" } };
const pea = { name: "SM75%", settings: { pea: "SM75%" } };
const mobilenet = { name: "mobilenet-0.25-small", settings: { model: "mobilenet-0.25-small" } };
const resnet = { name: "resnet18-small", settings: { model: "resnet18-small", epochs: 3 } };

const grid = (study: Partial<Study>) =>
  gridOf({ name: "trial", settings: {}, networks: [mobilenet], variants: [relu, pea], seeds: [0], ...study });
const hashes = (study: Partial<Study>) => grid(study).map(({ hash }) => hash);
const hash = (settings: Record<string, unknown>) => hashes({ settings, variants: [pea] })[0];

describe("a grid", () => {
  it("goes by network, variant and seed", () => {
    const cells = grid({ networks: [resnet, mobilenet], seeds: [3, 1] });
    assert.deepEqual(
      cells.map(({ network, variant, seed }) => `${network} ${variant} ${seed}`),
      [
        "resnet18-small ReLU 3",
        "resnet18-small ReLU 1",
        "resnet18-small SM75% 3",
        "resnet18-small SM75% 1",
        "mobilenet-0.25-small ReLU 3",
        "mobilenet-0.25-small ReLU 1",
        "mobilenet-0.25-small SM75% 3",
        "mobilenet-0.25-small SM75% 1",
      ],
    );
  });

  it("is trained seed by seed, so that a part of it holds whole pairs", () => {
    const cells = grid({ networks: [resnet, mobilenet], seeds: [3, 1] });
    const seedsOf = (isDone: (cell: Cell) => boolean) =>
      runsToTrain(cells, isDone).map(([cell]) => cell?.seed);
    assert.deepEqual(
      seedsOf(() => false),
      [3, 3, 3, 3, 1, 1, 1, 1],
    );
    // Stopped when one run of the first seed was done.
    assert.deepEqual(
      seedsOf((cell) => cell === cells[0]),
      [3, 3, 3, 1, 1, 1, 1],
    );
  });

  it("puts the run's seed where a text of recipe keys has {seed}", () => {
    const [first, second] = grid({
      settings: { initialCheckpoint: "runs/smooth-{seed}/last.safetensors" },
      variants: [
        { name: "taught", settings: { methods: [{ distillation: { teacher: "runs/teacher-{seed}" } }] } },
      ],
      seeds: [7, 12],
    });
    assert.equal(first?.recipe.initialCheckpoint, "runs/smooth-7/last.safetensors");
    assert.equal(second?.recipe.initialCheckpoint, "runs/smooth-12/last.safetensors");
    assert.match(JSON.stringify(second?.recipe.methods), /runs\/teacher-12/);
  });

  it("lays the settings of the variant over those of the network, and these over the shared ones", () => {
    const [first, second] = grid({
      settings: { epochs: 5, lr: 0.1 },
      networks: [resnet],
      variants: [relu, { name: "low", settings: { lr: 0.01 } }],
    });
    assert.deepEqual([first?.recipe.epochs, first?.recipe.lr], [3, 0.1]);
    assert.deepEqual([second?.recipe.epochs, second?.recipe.lr], [3, 0.01]);
  });

  it("gives the runs of one seed all that a seed decides", () => {
    const [a, b] = grid({ settings: { limitTrain: 100 }, seeds: [7] });
    assert.deepEqual({ ...a?.recipe, pea: "SM75%" }, b?.recipe);
  });

  it("names the layer of a wrong key", () => {
    assert.throws(() => grid({ settings: { epoch: 3 } }), /unknown key "epoch" in settings/);
    assert.throws(
      () => grid({ networks: [{ name: "x", settings: { modle: "x" } }] }),
      /unknown key "modle" in network x/,
    );
  });
});

describe("the hash of a run", () => {
  it("follows from what is trained", () => {
    assert.equal(new Set(hashes({ networks: [resnet, mobilenet], seeds: [0, 1] })).size, 8);
    for (const settings of [{ epochs: 11 }, { lr: 0.1 }, { l2: { coef: 1e-4 } }, { peaSchedule: "cosine" }])
      assert.notEqual(hash(settings), hash({}), JSON.stringify(settings));
  });

  it("does not follow from where it is trained and what is written down on the way", () => {
    for (const settings of [
      { dataDir: "elsewhere" },
      { threads: 3 },
      { device: "cuda:1" },
      { logEverySteps: 7 },
      { checkpointEverySteps: 9 },
    ])
      assert.equal(hash(settings), hash({}), JSON.stringify(settings));
  });

  it("does not change with keys at their defaults, such as a later version adds", () => {
    const recipe = resolveRecipe({ source: "the test", settings: {} });
    const { peaSchedule, flip, ...older } = recipe;
    assert.equal(recipeHash(older as typeof recipe), recipeHash(recipe));
  });

  it("does not change with keys at what was in force before a later version added them", () => {
    const whole = { data: "imagefolder", dataDir: "photos", trainCrop: "whole" } as const;
    const resolved = (settings: RecipeInput) => resolveRecipe({ source: "the test", settings });
    const { evalCrop, ...older } = resolved(whole);
    assert.equal(evalCrop, "whole");
    assert.notEqual(recipeHash(older as Recipe), recipeHash(resolved(whole)));
    assert.equal(recipeHash(older as Recipe), recipeHash(resolved({ ...whole, evalCrop: "central" })));
  });

  it("does not follow from PEA's settings where the run is without PEA", () => {
    const baseline = (settings: Record<string, unknown>) => hashes({ settings, variants: [relu] });
    assert.deepEqual(baseline({ peaSchedule: "cosine" }), baseline({}));
  });

  it("is the same for two names of one run, which is trained once", () => {
    const cells = grid({
      variants: [pea, { name: "linear", settings: { pea: "SM75%", peaSchedule: "linear" } }],
    });
    assert.equal(cells[0]?.hash, cells[1]?.hash);
    assert.deepEqual(
      runsToTrain(cells, () => false),
      [cells],
    );
  });

  it("tells data apart by their name, since a folder is only where they lie", () => {
    const folder = (dataDir: string, dataset?: string) => ({
      name: dataDir,
      ...(dataset !== undefined && { dataset }),
      settings: { ...mobilenet.settings, data: "imagefolder", dataDir },
    });
    assert.throws(() => grid({ networks: [folder("cats"), folder("dogs")] }), /differ in dataDir alone/);
    const [cats, , dogs] = grid({ networks: [folder("cats", "cats"), folder("dogs", "dogs")] });
    assert.deepEqual([cats?.dataset, dogs?.dataset], ["cats", "dogs"]);
    assert.notEqual(cats?.hash, dogs?.hash);
  });
});
