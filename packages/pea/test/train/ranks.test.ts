// Several ranks train as one process does: here ranks of this process, which take turns where they wait for one another.
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, it } from "node:test";
import { readSafetensors } from "@pea/torch";
import sharp from "sharp";
import { sharedWork, UnreadableImagesError } from "../../src/data/loading/unreadable-images.ts";
import { readDiagnostics } from "../../src/diagnose/row.ts";
import type { Ranks } from "../../src/distributed/ranks.ts";
import { type RecipeInput, resolveRecipe } from "../../src/recipe/recipe.ts";
import type { TrainResult } from "../../src/run/result.ts";
import { requireOneRun } from "../../src/train/one-run.ts";
import { resumeTraining, train } from "../../src/train/train.ts";
import { TrainingInterrupted } from "../../src/train/trainer.ts";
import "../support/dropout-network.ts";
import "../support/network-without-norm.ts";
import { writeFiles } from "../support/images.ts";
import { assertNear, lossesOf, ranksOf, trainAlone, trainTogether, weightsOf } from "../support/ranks-of.ts";
import { fingerprint } from "../support/run-in-parts.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";
import { usage } from "../support/usage-error.ts";

/** Of 96 training images: 6 steps, of which the transition runs from step 1 to 3. */
const recipe: RecipeInput = {
  model: "resnet8",
  dataDir: writeTinyData({ train: 96, test: 30 }),
  valFraction: 0,
  epochs: 2,
  batchSize: 32,
  lr: 0.05,
  cropPadding: 2,
  logEverySteps: 1,
  threads: 1,
};

/** Photos in two folders of classes. */
async function writePhotos(): Promise<string> {
  const folder = temporaryFolder();
  for (const part of ["train", "val"])
    for (const label of [0, 1])
      for (let number = 0; number < 8; number++) {
        const pixels = Uint8Array.from(
          { length: 3 * 32 * 32 },
          (_, i) => ((i * 7919 + number * 104_729) % 90) + (i % 3 === label ? 120 : 0),
        );
        const image = sharp(pixels, { raw: { width: 32, height: 32, channels: 3 } });
        writeFiles(folder, { [`${part}/${label}/${number}.png`]: await image.png().toBuffer() });
      }
  return folder;
}

/** A run's numbers. The generator is one for the ranks of a process. */
function withoutGenerator(path: string) {
  const { last, ...others } = fingerprint(path);
  const { "rng/cpu": _, ...tensors } = last;
  return { ...others, tensors };
}

function assertClose(actual: number, expected: number, tolerance: number, what: string): void {
  const error = Math.abs(actual - expected);
  assert.ok(error < tolerance * Math.max(1, Math.abs(expected)), `${what}: ${actual}, not ${expected}`);
}

/** Lets a rank go on some turns of the event loop after the others, once all know what they told one another. */
function makeLate(ranks: Ranks): void {
  const gather = ranks.gather.bind(ranks);
  ranks.gather = async (own) => {
    const all = await gather(own);
    for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);
    return all;
  };
}

describe("two ranks train bit for bit as one process that passes batches in halves", () => {
  /** 30 steps. */
  const long: RecipeInput = { ...recipe, batchSize: 16, epochs: 5 };
  const photos: RecipeInput = { ...recipe, data: "imagefolder", imageSize: 32, batchSize: 8 };
  const networks = {
    "a ResNet": { model: "resnet8" },
    "a MobileNet with dropout": { model: "mobilenet-0.1-small", modelOptions: { dropout: 0.3 } },
  };
  const sources = {
    "in memory": async () => long,
    "that are streamed": async () => ({
      ...photos,
      trainCrop: "distorted",
      epochs: 15,
      dataDir: await writePhotos(),
    }),
  } satisfies Record<string, () => Promise<RecipeInput>>;
  /** The sum of two addends is the same in either order. */
  const assertSame = async (input: RecipeInput, steps: number) => {
    const two = await trainTogether(input);
    const one = await trainAlone({ ...input, microBatch: (input.batchSize as number) / 2 });
    assert.equal(lossesOf(two).length, steps);
    assert.deepEqual(lossesOf(two), lossesOf(one));
    assert.deepEqual(weightsOf(two), weightsOf(one));
  };

  for (const [network, model] of Object.entries(networks))
    for (const [where, source] of Object.entries(sources))
      for (const [ensemble, pea] of [
        ["weighted", "WG50%"],
        ["stochastic", "SM50%"],
      ])
        it(`${network} with the ${ensemble} ensemble, on images ${where}`, async () =>
          assertSame({ ...(await source()), ...model, pea }, 30));

  it("an ERFNet, which calls its dropout in training alone", async () => {
    const erfnet = { model: "erfnet-0.25", modelOptions: { dropout: 0.3 } };
    await assertSame({ ...photos, ...erfnet, epochs: 1, dataDir: await writePhotos() }, 2);
  });
});

describe("where sums are of more than two addends, a run of ranks", () => {
  const input = { ...recipe, pea: "SM50%", epochs: 1 };

  it("has the weights of one process bit for bit where they share memory, which adds in the order of the ranks", async () => {
    const one = await trainAlone({ ...input, microBatch: 8 });
    assert.deepEqual(weightsOf(await trainTogether(input, 4)), weightsOf(one));
  });

  it("differs from one process by their rounding otherwise", async () => {
    const one = await trainAlone({ ...input, microBatch: 8 });
    assertNear(await trainTogether({ ...input, microBatch: 8 }), one);
    process.env.PEA_SHM_DISABLE = "1";
    try {
      assertNear(await trainTogether(input, 4), one);
    } finally {
      delete process.env.PEA_SHM_DISABLE;
    }
  });
});

describe("ranks", () => {
  it("share the test images, of which there are no fewer and no more, and are written down", async () => {
    const result = await trainTogether({ ...recipe, epochs: 1, pea: "none" }, 4);
    const { testImages, last, breakdown, ranks } = result;
    assert.equal(testImages, 30);
    assert.deepEqual(ranks, { size: 4, backend: "gloo" });
    const classes = breakdown?.classes as { images: number; correct: number }[];
    assert.deepEqual(
      classes.map(({ images }) => images),
      Array(10).fill(3),
    );
    const correct = classes.reduce((sum, one) => sum + one.correct, 0);
    assert.equal(last.test.top1, (100 * correct) / 30);
  });

  it("have the mean of their running statistics, each of its share of the images", async () => {
    const dataDir = writeTinyData({ train: 32, test: 30 });
    const step: RecipeInput = { ...recipe, model: "dropout-network", dataDir, epochs: 1, pea: "none" };
    const meansOf = ({ runDirectory }: TrainResult) => {
      const { tensors } = readSafetensors(join(runDirectory, "checkpoints/last.safetensors"));
      return tensors.get("bn1.running_mean")?.toTypedArray() as Float32Array;
    };
    // Behind one step from zeros it is a tenth of the images' mean, and the shares' means have that one for theirs.
    const [together, alone] = [meansOf(await trainTogether(step)), meansOf(await trainAlone(step))];
    const inParts = meansOf(await trainAlone({ ...step, microBatch: 16 }));
    assert.equal(together.length, 8);
    for (const [i, mean] of together.entries()) assertClose(mean, alone[i] as number, 1e-6, `channel ${i}`);
    // One process takes the parts' one after the other.
    assert.ok(inParts.some((mean, i) => Math.abs(mean / (alone[i] as number) - 1) > 0.5));
  });

  it("score a network without batch norm as one process does", async () => {
    const input: RecipeInput = { ...recipe, model: "network-without-norm", valFraction: 0.25, batchSize: 24 };
    const two = await trainTogether(input);
    const one = await trainAlone({ ...input, microBatch: 12 });
    assertClose(two.last.test.loss, one.last.test.loss, 1e-6, "loss");
    assert.equal(two.last.test.top1, one.last.test.top1);
    assert.ok(two.best?.validationLoss, "there are scores of the validation images");
    assertClose(two.best.validationLoss, one.best?.validationLoss as number, 1e-6, "validation loss");
    assert.equal(two.best.validationScore, one.best?.validationScore);
    assert.deepEqual(two.breakdown, one.breakdown);
  });

  // Momentum, an average of weights, dropout's draws and batch norm's statistics are gone on with.
  const all: RecipeInput = {
    ...recipe,
    model: "dropout-network",
    pea: "SM50%",
    valFraction: 0.25,
    batchSize: 24,
    methods: ["mixup", { ema: 0.9 }],
  };

  // At each checkpoint the ranks' networks, and what methods keep, are compared.
  for (const [title, methods] of Object.entries<RecipeInput>({
    "quantization with ranges that are tracked": { methods: [{ quantize: { start: "50%" } }] },
    "quantization with ranges that are learned": {
      methods: [{ quantize: { start: "50%", ranges: "learned" } }],
    },
  }))
    it(`keep one network with ${title}`, async () => {
      const { last } = await trainTogether({ ...all, ...methods });
      assert.ok(Number.isFinite(last.test.loss));
    });

  it("are diagnosed with the validation images of all, be they fewer than ranks", async () => {
    // One class has ten images, of which one is taken, the others nine.
    const dataDir = writeTinyData({ train: 91, test: 30 });
    const input = { ...recipe, dataDir, pea: "none", valFraction: 0.05, epochs: 1, diagnose: true };
    const { runDirectory, steps } = await trainTogether(input);
    assert.equal(readDiagnostics(join(runDirectory, "diagnostics.jsonl")).length, steps);
  });

  // After each of the four steps but the last.
  for (const end of [1, 2, 3])
    it(`stop together after step ${end}, where one is told to, and go on bit for bit`, async () => {
      const whole = await trainTogether(all);
      const runDirectory = join(temporaryFolder(), "run");
      const stop = new AbortController();
      const runs = (await ranksOf(2)).map((ranks) =>
        train(all, {
          runDirectory,
          ranks,
          ...(ranks.rank === 1 && { signal: stop.signal }),
          observe: () => ({ onStep: (step) => step === end && stop.abort("SIGTERM") }),
        }),
      );
      const isStopped = (error: unknown) => error instanceof TrainingInterrupted && error.step === end;
      await Promise.all(runs.map((run) => assert.rejects(run, isStopped)));
      const [resumed] = await Promise.all(
        (await ranksOf(2)).map((ranks) => resumeTraining(runDirectory, { ranks })),
      );
      assert.deepEqual(withoutGenerator(runDirectory), withoutGenerator(whole.runDirectory));
      assert.deepEqual([resumed?.last, resumed?.best], [whole.last, whole.best]);
    });

  for (const [others, then] of [
    [2, 1],
    [2, 4],
  ] as const)
    it(`go on as ${then} where they were ${others}, and say what is not the same`, async () => {
      const { runDirectory } = await trainTogether({ ...all, epochs: 1 });
      const notes: string[] = [];
      const [result] = await Promise.all(
        (then === 1 ? [undefined] : await ranksOf(then)).map((ranks) =>
          resumeTraining(runDirectory, { ranks, onNote: (note) => notes.push(note) }),
        ),
      );
      // Of one process there is nothing to write down.
      assert.equal(result?.ranks?.size, then === 1 ? undefined : then);
      assert.match(
        notes.join(),
        new RegExp(
          `goes on with ${then} process(es)? where it had ${others}: with the same batches, in other parts`,
        ),
      );
    });

  it("begin anew in place of a run that is deleted, be rank 0 the last to come to its folder", async () => {
    const input = { ...recipe, pea: "none", epochs: 1 };
    const { runDirectory, last } = await trainTogether(input);
    const ranks = await ranksOf(2);
    makeLate(ranks[0] as Ranks);
    const runs = ranks.map((one) => train(input, { runDirectory, overwrite: true, ranks: one }));
    const [again] = await Promise.all(runs);
    assert.deepEqual(again?.last, last);
  });

  it("are refused where they cannot share a batch evenly", async () => {
    const runs = (await ranksOf(3)).map((ranks) => train({ ...recipe, batchSize: 32 }, { ranks }));
    const message =
      /^batchSize is 32, which 3 processes cannot share evenly; take 30 or 33, or another number/;
    await Promise.all(runs.map((run) => assert.rejects(run, usage(message))));
  });
});

describe("ranks that would not train one run are refused before the first step, on all of them", () => {
  /** Starts each of two ranks with what is its own. */
  async function refuse(message: RegExp, start: (ranks: Ranks) => Promise<unknown>) {
    const runs = (await ranksOf(2)).map(start);
    await Promise.all(runs.map((run) => assert.rejects(run, usage(message))));
  }
  const trainEach = async (message: RegExp, own: (rank: number) => Partial<RecipeInput>) => {
    const runDirectory = join(temporaryFolder(), "run");
    const observe = () => ({ onStep: () => assert.fail("a step was trained") });
    await refuse(message, (ranks) =>
      train({ ...recipe, ...own(ranks.rank) }, { runDirectory, ranks, observe }),
    );
    assert.equal(existsSync(runDirectory), false);
  };

  it("by the first setting of their recipes that is another", () =>
    trainEach(
      /^rank 1 has another lr \(1.05\) than rank 0 \(0.05\); start all processes with the same recipe and flags$/,
      (rank) => ({ lr: 0.05 + rank }),
    ));

  it("by when they meet", () =>
    trainEach(/^rank 1 has another logEverySteps \(2\) than rank 0 \(1\)/, (rank) => ({
      logEverySteps: rank + 1,
    })));

  it("by a method that one has alone", () =>
    trainEach(/^rank 1 has another methods \(\[{"mixup":{"alpha":0.2}}\]\) than rank 0 \(\[\]\)/, (rank) => ({
      pea: undefined,
      methods: rank === 1 ? ["mixup"] : [],
    })));

  it("by their images, of which one is another", () =>
    trainEach(
      /^rank 1 has another set of images \([0-9a-f]{16}\) than rank 0 \([0-9a-f]{16}\); start all processes with the same data$/,
      (rank) => ({ dataDir: writeTinyData({ train: 96 + 10 * rank, test: 30 }) }),
    ));

  it("by their images, of which one has another pixel", () =>
    trainEach(/^rank 1 has another set of images/, (rank) => {
      const dataDir = writeTinyData({ train: 96, test: 30 });
      const path = join(dataDir, "train-images-idx3-ubyte");
      const bytes = readFileSync(path);
      bytes[bytes.length - 1] = rank;
      writeFileSync(path, bytes);
      return { dataDir };
    }));

  it("by the folder that they are to begin, or to go on with", async () => {
    const [first, second] = [join(temporaryFolder(), "first"), join(temporaryFolder(), "second")];
    const folderOf = (rank: number) => (rank === 0 ? first : second);
    const other = (its: string, firsts: string) =>
      new RegExp(
        `^rank 1 has another folder of the run \\(${its}\\) than rank 0 \\(${firsts}\\); start all processes with`,
      );
    await refuse(other(second, first), (ranks) =>
      train(recipe, { runDirectory: folderOf(ranks.rank), ranks }),
    );
    await refuse(other("none given", first), (ranks) =>
      train(recipe, { runDirectory: ranks.rank === 0 ? first : undefined, ranks }),
    );
    assert.deepEqual([first, second].filter(existsSync), []);
    for (const runDirectory of [first, second]) await train({ ...recipe, epochs: 1 }, { runDirectory });
    await refuse(other(second, first), (ranks) => resumeTraining(folderOf(ranks.rank), { ranks }));
  });

  it("by version and commit of their code, and by what they are to do", async () => {
    const known = { recipe: resolveRecipe({ source: "a test", settings: recipe }), goesOn: false };
    const environment = { pea: "1.0.0", libtorch: "1.13.1", commit: "aaa" };
    const others = [
      [{ environment: { ...environment, pea: "1.1.0" } }, "version of pea (1.1.0) than rank 0 (1.0.0)"],
      [
        { environment: { ...environment, libtorch: "2.6" } },
        "version of libtorch (2.6) than rank 0 (1.13.1)",
      ],
      [{ environment: { ...environment, commit: "bbb" } }, "commit of the code (bbb) than rank 0 (aaa)"],
      [{ goesOn: true }, "command (one that goes on with a run) than rank 0 (one that begins a run)"],
    ] as const;
    for (const [own, difference] of others)
      await refuse(
        new RegExp(`^rank 1 has another ${difference.replace(/[().]/g, "\\$&")}; start all`),
        (ranks) => requireOneRun(ranks, { ...known, environment, ...(ranks.rank === 1 && own) }),
      );
  });
});

describe("where images of one rank cannot be read", () => {
  const isNamed = (names: readonly string[]) => (error: unknown) => {
    assert.ok(error instanceof UnreadableImagesError && error.isOfAll);
    assert.deepEqual(error.images.map(({ name }) => basename(name)).sort(), names);
    return true;
  };

  it("what they do together fails for all", async () => {
    const works = (await ranksOf(2)).map((ranks) =>
      sharedWork(ranks, async () => {
        if (ranks.rank === 1) throw new UnreadableImagesError([{ name: "a.jpg", reason: "it is empty" }]);
      }),
    );
    await Promise.all(works.map((work) => assert.rejects(work, isNamed(["a.jpg"]))));
  });

  it("all stop with one checkpoint, name those of all, and go on without them", async () => {
    const dataDir = await writePhotos();
    for (const broken of ["train/1/5.png", "val/1/6.png"])
      writeFiles(dataDir, { [broken]: Buffer.from("no image") });
    const input = { ...recipe, data: "imagefolder", dataDir, imageSize: 32, batchSize: 4, epochs: 1 };
    const runDirectory = join(temporaryFolder(), "run");
    const runs = (await ranksOf(2)).map((ranks) => train(input, { runDirectory, ranks }));
    await Promise.all(runs.map((run) => assert.rejects(run, isNamed(["5.png", "6.png"]))));
    const [resumed] = await Promise.all(
      (await ranksOf(2)).map((ranks) => resumeTraining(runDirectory, { ranks, onBadSample: "skip" })),
    );
    assert.deepEqual([resumed?.skipped?.train?.count, resumed?.skipped?.test?.count], [1, 1]);
  });
});
