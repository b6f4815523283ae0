import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { readSafetensors, type Tensor, writeSafetensors, zeros } from "@pea/torch";
import { type RecipeInput, resolveRecipe } from "../../src/recipe/recipe.ts";
import { disposeRun, prepareRun } from "../../src/run/prepare-run.ts";
import { resumeTraining, train } from "../../src/train/train.ts";
import { peaHere } from "../support/pea-main.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";

const folder = temporaryFolder();
const dataDir = writeTinyData();
// A learning rate of 0: what training leaves are the weights it began with.
const recipe: RecipeInput = {
  model: "mobilenet-0.25-small",
  dataDir,
  epochs: 1,
  batchSize: 100,
  lr: 0,
  valFraction: 0,
  threads: 1,
};
const weightsOf = (path: string) =>
  Object.fromEntries(
    [...readSafetensors(path).tensors]
      .filter(([key]) => !key.includes("/") && !/running_|num_batches/.test(key))
      .map(([key, value]) => [key, Buffer.from(value.toTypedArray().buffer).toString("base64")]),
  );
const trained = async (settings: RecipeInput) => {
  const runDirectory = join(temporaryFolder(), "run");
  await train({ ...recipe, ...settings }, { runDirectory });
  return join(runDirectory, "checkpoints", "last.safetensors");
};

/** A file with some tensors of another changed. */
function changed(name: string, change: (tensors: Map<string, Tensor>) => void): string {
  const path = join(folder, `${name}.safetensors`);
  const tensors = new Map(readSafetensors(pytorch).tensors);
  change(tensors);
  writeSafetensors(path, tensors);
  return path;
}

const pytorch = join(folder, "mobilenet.pytorch.safetensors");

before(async () => {
  const run = await prepareRun(resolveRecipe({ source: "the test", settings: recipe }));
  writeSafetensors(join(folder, "mobilenet.here.safetensors"), run.model.stateDict());
  disposeRun(run);
  // The state dict of the same network in PyTorch; that it computes the same is in models-weights.test.ts.
  const script = fileURLToPath(new URL("../oracle/weights.py", import.meta.url));
  const cases = [
    {
      name: "mobilenet",
      network: "mobilenet",
      options: { width: 0.25, small: true },
      image: [1, 28, 28],
      classes: 10,
    },
  ];
  execFileSync("/usr/bin/python3", ["-B", script, JSON.stringify(cases), folder]);
});

describe("a run that begins with weights from a file", () => {
  it("has those of a PyTorch state dict, with PEA and without", async () => {
    const expected = weightsOf(pytorch);
    for (const pea of ["none", "SM75%"]) {
      const last = await trained({ pea, batchSize: 20, initialCheckpoint: pytorch });
      assert.deepEqual(weightsOf(last), expected);
    }
  });

  it("drops the module. of DataParallel's keys and does without num_batches_tracked", async () => {
    const path = changed("parallel", (tensors) => {
      for (const [key, value] of [...tensors]) {
        tensors.delete(key);
        if (!key.endsWith("num_batches_tracked")) tensors.set(`module.${key}`, value);
      }
    });
    assert.deepEqual(weightsOf(await trained({ initialCheckpoint: path })), weightsOf(pytorch));
  });

  it("takes another run's checkpoint", async () => {
    const first = await trained({ seed: 3 });
    assert.deepEqual(weightsOf(await trained({ seed: 4, initialCheckpoint: first })), weightsOf(first));
  });

  it("is told where the head is drawn anew", async () => {
    const path = changed("more-classes", (tensors) => {
      for (const key of ["fc.weight", "fc.bias"]) {
        const [, ...rest] = (tensors.get(key) as Tensor).shape;
        tensors.set(key, zeros([1000, ...rest]));
      }
    });
    const { code, stderr } = await peaHere(
      ...["train", "--data-dir", dataDir, "--run", join(temporaryFolder(), "run"), "--epochs", "1"],
      ...["--batch-size", "100", "--threads", "1", "--initial-checkpoint", path],
    );
    assert.equal(code, 0, stderr);
    assert.match(
      stderr,
      /^weights of .*more-classes\.safetensors\nhead fc: 1000 classes in the file, 10 in the data: drawn anew$/m,
    );
  });

  it("is told where they were trained with another smooth activation", async () => {
    const initialCheckpoint = await trained({ activation: "mish" });
    const last = async (settings: RecipeInput) => {
      const told: string[] = [];
      const runDirectory = join(temporaryFolder(), "run");
      const onInitialWeights = (remarks: readonly string[]) => told.push(...remarks);
      await train({ ...recipe, ...settings, initialCheckpoint }, { runDirectory, onInitialWeights });
      return told.at(-1) ?? "";
    };
    const remark =
      / was trained with Mish, and this run begins with GELU: .*; with Mish it would go on as it was$/;
    assert.match(await last({ activation: "gelu" }), remark);
    assert.match(await last({ pea: "SG75%", batchSize: 20 }), remark);
    for (const settings of [{ activation: "mish" }, { pea: "SM75%", batchSize: 20 }, {}] as const)
      assert.match(await last(settings), /^weights of /);
  });

  it("is resumed without the file", async () => {
    const path = changed("gone", () => {});
    const last = await trained({ initialCheckpoint: path });
    rmSync(path);
    await resumeTraining(join(last, "..", ".."));
    assert.deepEqual(weightsOf(last), weightsOf(pytorch));
  });
});

describe("weights that do not fit", () => {
  const refuses = async (initialCheckpoint: string, ...parts: RegExp[]) => {
    const runDirectory = join(temporaryFolder(), "run");
    for (const message of parts)
      await assert.rejects(train({ ...recipe, initialCheckpoint }, { runDirectory }), {
        kind: "usage",
        message,
      });
    assert.ok(!existsSync(runDirectory), "a run was left behind");
  };

  it("are refused with each missing and each unknown key", async () => {
    const path = changed("renamed", (tensors) => {
      tensors.set("head.weight", tensors.get("fc.weight") as Tensor);
      tensors.delete("fc.weight");
    });
    await refuses(
      path,
      /cannot begin with the weights of .*renamed\.safetensors/,
      /missing keys \(1\): fc\.weight/,
    );
    await refuses(path, /unexpected keys \(1\): head\.weight/);
  });

  it("are refused with both shapes where these differ", async () => {
    const path = changed("wide", (tensors) => tensors.set("fc.bias", zeros([7])));
    await refuses(path, /fc\.bias: expected \[10\], got \[7\]/);
  });

  it("are refused with the network that they are of, where they are a run's", async () => {
    const initialCheckpoint = await trained({ model: "mobilenet-0.05-small" });
    await refuses(
      initialCheckpoint,
      /\nthey are the weights of .*run, whose model is mobilenet-0\.05-small$/,
    );
  });

  it("are refused where the file is none", async () => {
    await refuses(join(folder, "absent.safetensors"), /absent\.safetensors/);
  });

  it("are refused where PyTorch wrote the file, with the line that converts it", async () => {
    const path = join(folder, "weights.pth");
    execFileSync("/usr/bin/python3", ["-c", `import torch; torch.save({}, ${JSON.stringify(path)})`]);
    await refuses(
      path,
      /weights\.pth: it is a PyTorch file.*\n\npython3 -c ".*" '.*weights\.pth' '.*weights\.safetensors'$/,
    );
  });
});

describe("options of the network", () => {
  const prepare = (modelOptions: RecipeInput["modelOptions"]) =>
    prepareRun(resolveRecipe({ source: "the test", settings: { ...recipe, modelOptions } }));
  it("reach it", async () => {
    const run = await prepare({ activation: "relu6", dropout: 0.25, init: "he" });
    assert.match(String(run.model.getModule("dropout")), /0\.25/);
    disposeRun(run);
  });
  it("are refused by name and by value", async () => {
    await assert.rejects(prepare({ droput: 0.1 }), {
      kind: "usage",
      message: /no option droput; did you mean dropout/,
    });
    await assert.rejects(prepare({ padding: "reflect" }), {
      kind: "usage",
      message: /padding must be one of/,
    });
  });
});
