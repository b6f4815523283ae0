import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { before, describe, test } from "node:test";
import { memoryStats, readSafetensors, setNumThreads, type Tensor, tensor } from "@pea/torch";
import { oracleCase, testAgainstPython } from "../../../../torch/test/oracle.ts";
import { exportRun } from "../../../src/export/export.ts";
import { distillation } from "../../../src/methods/distillation/distillation.ts";
import { distillationLoss } from "../../../src/methods/distillation/distillation-method.ts";
import { DistillationMethod, type OtherNetwork, type TrainingBatch } from "../../../src/methods/index.ts";
import { openForeignNetwork } from "../../../src/predict/foreign-network.ts";
import type { RecipeInput } from "../../../src/recipe/recipe.ts";
import type { TrainResult } from "../../../src/run/result.ts";
import { openTrainedNetwork } from "../../../src/run/trained-run.ts";
import { train } from "../../../src/train/train.ts";
import { fitContext } from "../../support/fit-context.ts";
import { fingerprint, trainInParts } from "../../support/run-in-parts.ts";
import { smallRecipe } from "../../support/small-recipe.ts";
import { temporaryFolder } from "../../support/tiny-data.ts";
import { usage } from "../../support/usage-error.ts";

setNumThreads(1);

testAgainstPython(
  [1, 4].map((temperature) =>
    oracleCase({
      name: `the loss at temperature ${temperature} is PyTorch's kl_div`,
      inputs: { student: [6, 5], teacher: [6, 5] },
      python: `F.kl_div(F.log_softmax(student / ${temperature}, 1), F.softmax(teacher.detach() / ${temperature}, 1), reduction="batchmean") * ${temperature ** 2}`,
      run: ({ student, teacher }) => {
        teacher.requiresGrad = false;
        return distillationLoss(student, teacher, temperature);
      },
    }),
  ),
);

describe("the teacher", () => {
  test("is named from here, however it is written: a run is the same in a copy of the project elsewhere", () => {
    for (const teacher of ["runs/teacher", "./runs/teacher", resolve("runs/teacher")])
      assert.equal(distillation.settings.parse({ teacher }).teacher, join("runs", "teacher"));
    assert.equal(distillation.settings.parse({ teacher: "../runs" }).teacher, resolve("../runs"));
  });

  /** Answers the mean of each channel of an image, and counts what it is asked. */
  const counting = (input: Partial<OtherNetwork["input"]> = {}) => {
    const asked: number[] = [];
    const network: OtherNetwork = {
      digest: "5e",
      input: { shape: [2, 1, 2], mean: [0.5, 0.5], std: [0.25, 0.5], ...input },
      classes: ["a", "b"],
      run: async (images, count) => {
        asked.push(count);
        const values = Float32Array.from({ length: 2 * count }, (_, i) => {
          return ((images[2 * i] as number) + (images[2 * i + 1] as number)) / 2;
        });
        return { shape: [count, 2], values };
      },
      close: async () => {},
    };
    return { asked, network };
  };
  const begun = async (network: OtherNetwork, statistics = { mean: [0.5, 0.5], std: [0.25, 0.5] }) => {
    const method = new DistillationMethod({ teacher: "runs/teacher", temperature: 2, weight: 0.25 });
    method.fit(fitContext({ task: "classification" }));
    await method.begin({
      ...{ statistics, classes: ["a", "b"], inputShape: [2, 1, 2] },
      openNetwork: async (source) => {
        assert.equal(source, "runs/teacher");
        return network;
      },
    });
    return method;
  };
  /** Images whose pixels are all their index, doubled in their second channel. */
  const batchOf = (indices: readonly number[], variants?: readonly number[]): TrainingBatch => ({
    images: tensor(Float32Array.from(indices.flatMap((index) => [index, index, 2 * index, 2 * index])), {
      shape: [indices.length, 2, 1, 2],
    }),
    labels: tensor(BigInt64Array.from(indices, () => 0n)),
    indices: Int32Array.from(indices),
    ...(variants && { variants: Int32Array.from(variants) }),
    along: {},
  });
  /** Of a whole step. */
  const answers = async (method: DistillationMethod, batch: TrainingBatch) => {
    const { distillation } = await method.ask(batch);
    const found = (distillation as Tensor).toNestedArray();
    distillation?.dispose();
    method.afterStep();
    return found;
  };

  test("is asked once about an image that comes again just as it was", async () => {
    const { asked, network } = counting();
    const method = await begun(network);
    assert.deepEqual(await answers(method, batchOf([3, 5], [0, 1])), [
      [3, 6],
      [5, 10],
    ]);
    assert.deepEqual(await answers(method, batchOf([5, 7, 3], [1, 0, 1])), [
      [5, 10],
      [7, 14],
      [3, 6],
    ]);
    assert.deepEqual(await answers(method, batchOf([7, 3, 5], [0, 1, 1])), [
      [7, 14],
      [3, 6],
      [5, 10],
    ]);
    assert.deepEqual(asked, [2, 2], "the last batch is known, of the second one image");
  });

  test("is asked each time about images that are never the same", async () => {
    const { asked, network } = counting();
    const method = await begun(network);
    for (let i = 0; i < 2; i++) await answers(method, batchOf([3, 5]));
    assert.deepEqual(asked, [2, 2]);
    assert.equal(method.tensors().size, 0);
  });

  test("need not be asked after a resumption about what it has answered before", async () => {
    const first = await begun(counting().network);
    await answers(first, batchOf([3, 5], [0, 1]));
    const { asked, network } = counting();
    const second = await begun(network);
    second.load(first.state(), first.tensors());
    assert.deepEqual(await answers(second, batchOf([5, 3], [1, 0])), [
      [5, 10],
      [3, 6],
    ]);
    assert.deepEqual(asked, []);
  });

  test("may not become another one while a run is stopped", async () => {
    const { network } = counting();
    const first = await begun(network);
    const other = await begun({ ...network, digest: "6f" });
    assert.throws(
      () => other.load(first.state(), first.tensors()),
      usage(
        /the teacher runs\/teacher is another one than this run began with; put that back, or begin a new run/,
      ),
    );
  });

  test("sees images standardized by its own statistics", async () => {
    const { network } = counting({ mean: [0, 0.5], std: [0.5, 1] });
    const method = await begun(network);
    // Pixels are 0.25·x + 0.5 and 0.5·x + 0.5.
    assert.deepEqual(await answers(method, batchOf([2])), [[(0.25 * 2 + 0.5) / 0.5, 0.5 * 4]]);
  });

  test("takes the share `weight` of the loss", async () => {
    const method = await begun(counting().network);
    const batch = batchOf([1, 2]);
    const along = await method.ask(batch);
    const logits = tensor([1, 0, 0, 3], { shape: [2, 2] });
    const pass = { ...batch, along, step: 0, part: 0, logits, lossAgainst: () => logits };
    const ofTeacher = distillationLoss(logits, along.distillation as Tensor, 2).item();
    const expected = 0.75 * 5 + 0.25 * ofTeacher;
    assert.ok(Math.abs(method.loss(tensor(5, { shape: [] }), pass).item() - expected) < 1e-6);
  });

  test("leaves no tensor behind but the answer", async () => {
    const method = await begun(counting({ mean: [0, 0.5], std: [0.5, 1] }).network);
    const batch = batchOf([1, 2], [0, 0]);
    const { tensors } = memoryStats();
    await answers(method, batch);
    assert.equal(memoryStats().tensors, tensors);
  });

  test("of other classes or images is refused, and segmentation", async () => {
    const { network } = counting();
    await assert.rejects(
      begun({ ...network, classes: ["b", "a"] }),
      usage(
        /teacher runs\/teacher answers 2 classes \(b, a\), but these data have 2 \(a, b\), or in another order/,
      ),
    );
    await assert.rejects(
      begun(counting({ shape: [3, 8, 8] }).network),
      usage(/teacher runs\/teacher takes images of 3×8×8, but this run trains on 2×1×2; .*set imageSize/),
    );
    assert.throws(
      () =>
        new DistillationMethod({ teacher: "t", temperature: 1, weight: 1 }).fit(
          fitContext({ task: "segmentation" }),
        ),
      usage(/distillation does not go with segmentation/),
    );
  });
});

describe("a file of another tool", () => {
  const script = join(import.meta.dirname, "../../oracle/foreign_teacher.py");
  const own = { statistics: { mean: [0.5], std: [0.25] }, inputShape: [1, 28, 28] };
  const classes = Array.from({ length: 10 }, (_, i) => `${i}`);
  const written = (count: number, batch: string) => {
    const path = join(temporaryFolder(), "teacher.onnx");
    const answer = execFileSync("/usr/bin/python3", ["-B", script, path, `${count}`, batch], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return { path, answer: (JSON.parse(answer) as number[][]).flat() };
  };
  const images = Float32Array.from({ length: 3 * 784 }, (_, i) => (i + 1) / 784);

  for (const batch of ["open", "2"])
    test(`answers as in PyTorch, its batch ${batch}`, async () => {
      const { path, answer } = written(10, batch);
      const network = await openForeignNetwork(path, "5e", { ...own, classes });
      assert.deepEqual(
        [network.input, network.classes],
        [{ ...own.statistics, shape: [1, 28, 28] }, classes],
      );
      const { shape, values } = await network.run(images, 3);
      await network.close();
      assert.deepEqual(shape, [3, 10]);
      const off = Math.max(...values.map((value, i) => Math.abs(value - (answer[i] as number))));
      assert.ok(off < 1e-5, `${off}`);
    });

  test("teaches a run", async () => {
    const { path } = written(10, "open");
    const runDirectory = join(temporaryFolder(), "run");
    const { last } = await train({ ...smallRecipe, methods: [{ distillation: path }] }, { runDirectory });
    const plain = await train(smallRecipe, { runDirectory: join(temporaryFolder(), "run") });
    assert.ok(Math.abs(plain.last.test.loss - last.test.loss) > 1e-3 * last.test.loss, "the teacher matters");
  });

  test("of other classes is refused before anything is written", async () => {
    const { path } = written(7, "open");
    const methods = [{ distillation: path }];
    const runDirectory = join(temporaryFolder(), "run");
    await assert.rejects(
      train({ ...smallRecipe, methods }, { runDirectory }),
      usage(
        /teacher\.onnx answers float32 \[1, 7\], but these data have 10 classes; .* float32 \[images, 10\]$/,
      ),
    );
    assert.ok(!existsSync(runDirectory), "a run was left behind");
  });
});

describe("a run of PEA that learns from a run", () => {
  const teacher = join(temporaryFolder(), "teacher");
  const runDirectory = join(temporaryFolder(), "run");
  let recipe: RecipeInput;
  let result: TrainResult;
  before(async () => {
    await train(
      { ...smallRecipe, model: "mobilenet-0.1-small", epochs: 1, seed: 9 },
      { runDirectory: teacher },
    );
    await exportRun(teacher, { checkpoint: "last" });
    recipe = { ...smallRecipe, methods: [{ distillation: { teacher } }] };
    result = await train(recipe, { runDirectory });
  });

  test("goes on bit for bit, with the answers to images and their mirror images remembered", async () => {
    const parted = await trainInParts(recipe, [8]);
    assert.deepEqual(fingerprint(parted.runDirectory), fingerprint(runDirectory));
    assert.deepEqual([parted.last, parted.best], [result.last, result.best]);
    const { tensors } = readSafetensors(join(runDirectory, "checkpoints/last.safetensors"));
    const [count = 0, classes] = tensors.get("methods/distillation/logits")?.shape ?? [];
    assert.equal(classes, 10);
    // 18 steps of 32 images of 216 samples in two forms.
    assert.ok(count > 216 && count <= 432, `${count}`);
  });

  test("is exported with ReLU only", async () => {
    const { operators } = await exportRun(runDirectory);
    assert.ok((operators.Relu ?? 0) > 0 && operators.Mish === undefined);
  });

  test("learns the same from the ONNX file, to rounding", async () => {
    const byFile = { ...smallRecipe, methods: [{ distillation: join(teacher, "model.onnx") }] };
    const other = await train(byFile, { runDirectory: join(temporaryFolder(), "run") });
    const losses = [other, result].map(({ last }) => last.test.loss) as [number, number];
    assert.ok(Math.abs(losses[0] - losses[1]) < 1e-3 * losses[1], `${losses}`);
    const plain = await train(smallRecipe, { runDirectory: join(temporaryFolder(), "run") });
    assert.ok(Math.abs(plain.last.test.loss - losses[1]) > 1e-3 * losses[1], "the teacher matters");
  });

  test("is refused where its teacher is not there, before anything is written", async () => {
    const none = join(temporaryFolder(), "run");
    const gone = train({ ...smallRecipe, methods: [{ distillation: "/nowhere" }] }, { runDirectory: none });
    await assert.rejects(gone, usage(/there is no \/nowhere; give the folder of a run or an ONNX file/));
    assert.ok(!existsSync(none));
  });

  test("is opened without its teacher", async () => {
    const { methods, model } = await openTrainedNetwork(runDirectory);
    methods.dispose();
    model.dispose();
  });
});
