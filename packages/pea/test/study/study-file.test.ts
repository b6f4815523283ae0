import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { PeaError } from "@pea/core";
import {
  planOf,
  readStudy,
  STUDY_FILE,
  type Study,
  trainedVariants,
  writeStudy,
} from "../../src/study/study-file.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

function study(text: string, name = "trial.yaml"): Promise<Study> {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, text);
  return readStudy(path);
}

const small = { networks: "[mobilenet-0.25-small]", variants: "[ReLU]", seeds: "[0]" };
const yaml = (keys: Readonly<Record<string, string>>) =>
  Object.entries({ ...small, ...keys })
    .map(([key, value]) => `${key}: ${value}`)
    .join("\n");

function refuses(text: string, ...words: RegExp[]): Promise<void> {
  return assert.rejects(
    () => study(text),
    (error) => {
      assert.ok(error instanceof PeaError && error.exitCode === 2, String(error));
      for (const word of words) assert.match(error.message, word);
      return true;
    },
  );
}

describe("the targets of a study", () => {
  it("are names of targets in integers, or options of them with a name", async () => {
    const { targets } = await study(
      yaml({ targets: "[onnx-int8, {name: coarse, target: tflite, perTensor: true}]" }),
    );
    assert.deepEqual(targets, [
      { name: "onnx-int8", form: { target: "onnx-int8" } },
      { name: "coarse", form: { target: "tflite", perTensor: true } },
    ]);
  });

  it("are refused where they compute in floats, are not known or stand there twice", async () => {
    await refuses(yaml({ targets: "[onnx]" }), /targets, onnx: .* computes in floats/);
    await refuses(yaml({ targets: "[chip]" }), /targets, chip: /, /onnx-int8/);
    await refuses(yaml({ targets: "[tflite, {target: tflite, images: 3}]" }), /tflite stands there twice/);
    await refuses(
      yaml({ targets: "[{target: tflite, name: a b}, {target: tflite, name: a-b}]" }),
      /stands there twice/,
    );
    await refuses(yaml({ targets: "[{name: few}]" }), /targets must be a list of targets/);
  });
});

describe("the file of a study", () => {
  it("is named after its file unless it says otherwise", async () => {
    assert.equal((await study(yaml({}))).name, "trial");
    assert.equal((await study(yaml({ name: "other" }))).name, "other");
  });

  it("takes ReLU, variant codes, and smooth activations as upper limits", async () => {
    const { variants } = await study(yaml({ variants: "[ReLU, SM75%, Mish, gelu, SiLU]" }));
    assert.deepEqual(variants, [
      { name: "ReLU", settings: { pea: "none", activation: "relu" } },
      { name: "SM75%", settings: { pea: "SM75%" } },
      { name: "mish", settings: { pea: "none", activation: "mish" } },
      { name: "gelu", settings: { pea: "none", activation: "gelu" } },
      { name: "swish", settings: { pea: "none", activation: "swish" } },
    ]);
  });

  it("takes any other way of training as recipe keys with a name", async () => {
    const { variants } = await study(
      yaml({ variants: "[{ name: slow start, pea: SM75%, peaInitial: 25% }]" }),
    );
    assert.deepEqual(variants, [{ name: "slow start", settings: { pea: "SM75%", peaInitial: "25%" } }]);
  });

  it("takes networks with the keys of a recipe, whose path starts at the study's folder", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "base.yaml"), "model: resnet18\nlr: 0.1\nl2: { coef: 1, form: half }");
    writeFileSync(
      join(folder, "trial.yaml"),
      yaml({ networks: "[{ extends: base.yaml, dataset: mine, l2: { coef: 2 } }]" }),
    );
    const { networks } = await readStudy(join(folder, "trial.yaml"));
    assert.deepEqual(networks, [
      {
        name: "resnet18",
        dataset: "mine",
        settings: { model: "resnet18", lr: 0.1, l2: { coef: 2, form: "half" } },
      },
    ]);
    await refuses(yaml({ networks: "[{ extends: gone.yaml }]" }), /cannot read .*gone\.yaml/);
  });

  it("takes networks by name, or with recipe keys and data of their own", async () => {
    const { networks } = await study(
      yaml({
        networks: "[resnet18-small, { model: resnet18-small, name: subset, dataset: mine, limitTrain: 100 }]",
      }),
    );
    assert.deepEqual(networks, [
      { name: "resnet18-small", settings: { model: "resnet18-small" } },
      { name: "subset", dataset: "mine", settings: { model: "resnet18-small", limitTrain: 100 } },
    ]);
  });
});

describe("what a study trains its variants beside", () => {
  const text = yaml({
    variants: "[ReLU, { name: λ, methods: [lambda-gelu] }]",
    beside: "[{ name: EMA, methods: [ema] }, { name: longer, epochs: 30 }]",
  });

  it("is trained with each of them, methods of both together, after those alone", async () => {
    const ways = trainedVariants(await study(text));
    assert.deepEqual(
      ways.map(({ name }) => name),
      ["ReLU", "λ", "ReLU, EMA", "λ, EMA", "ReLU, longer", "λ, longer"],
    );
    assert.deepEqual(ways[3]?.settings, { methods: ["lambda-gelu", "ema"] });
    assert.deepEqual(ways[5]?.settings, { methods: ["lambda-gelu"], epochs: 30 });
  });

  it("counts among the runs of the plan, and is written down with the study", async () => {
    const own = await study(text);
    assert.equal(planOf(own).runsPerNetwork, 6);
    const folder = temporaryFolder();
    writeStudy(folder, own);
    assert.deepEqual(await readStudy(join(folder, STUDY_FILE)), own);
  });

  it("needs a name, recipe keys, and ReLU among the variants", async () => {
    await refuses(yaml({ beside: "[{ methods: [ema] }]" }), /beside, entry 1 needs a name and recipe keys/);
    await refuses(yaml({ beside: "[{ name: EMA }]" }), /beside, entry 1 needs a name and recipe keys/);
    await refuses(yaml({ beside: "[ema]" }), /beside must be a list of recipe keys with a name/);
    await refuses(
      yaml({ variants: "[SM75%]", beside: "[{ name: EMA, methods: [ema] }]" }),
      /gains over ReLU, which is not among the variants/,
    );
    await refuses(
      yaml({
        variants: '[ReLU, { name: "ReLU, EMA", epochs: 2 }]',
        beside: "[{ name: EMA, methods: [ema] }]",
      }),
      /ReLU, EMA stands there twice/,
    );
  });
});

describe("the file of a study is refused", () => {
  it("with a key that is none, and the place of recipe keys is told", async () => {
    await refuses(yaml({ epochs: "3" }), /unknown key "epochs"/, /under settings/);
  });

  it("with another to compare with that is not among the variants", async () => {
    assert.equal((await study(yaml({ against: "ReLU" }))).against, "ReLU");
    await refuses(yaml({ against: "WM90%" }), /against is "WM90%", which is not among the variants ReLU/);
  });

  it("without networks, variants or seeds", async () => {
    for (const key of ["networks", "variants", "seeds"]) {
      await refuses(yaml({ [key]: "[]" }), new RegExp(`${key} must be a list`));
      await refuses(yaml({ [key]: "" }), new RegExp(`${key} must be a list`));
    }
    await refuses(yaml({ seeds: "[0.5]" }), /seeds must be a list of whole numbers/);
  });

  it("with a variant that is neither a name nor recipe keys", async () => {
    await refuses(yaml({ variants: "[ReLU, SM750%]" }), /variants, entry 2/, /"SM750%"/, /neither "ReLU"/);
    await refuses(yaml({ variants: "[{ pea: SM75% }]" }), /variants, entry 1 needs a name/);
  });

  it("with a network without a model", async () => {
    await refuses(yaml({ networks: "[{ epochs: 3 }]" }), /networks, entry 1 needs a model/);
  });

  it("with a name that stands for two things", async () => {
    await refuses(yaml({ variants: "[Mish, mish]" }), /mish stands there twice/);
    await refuses(
      yaml({ networks: "[resnet18, { model: resnet18, epochs: 2 }]" }),
      /resnet18 stands there twice/,
    );
    await refuses(yaml({ seeds: "[1, 1]" }), /1 stands there twice/);
  });

  it("with a name that is no folder", async () => {
    await refuses(yaml({ name: "../elsewhere" }), /name must be a word/);
  });
});
