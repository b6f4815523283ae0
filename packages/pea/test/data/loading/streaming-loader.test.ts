import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { memoryStats } from "@pea/torch";
import { openImageFolder } from "../../../src/data/formats/image-folder.ts";
import { openTfRecords } from "../../../src/data/formats/tfrecord.ts";
import { openWebDataset } from "../../../src/data/formats/webdataset.ts";
import { DecodePool } from "../../../src/data/loading/decode-pool.ts";
import type { Batch } from "../../../src/data/loading/loader.ts";
import {
  StreamingLoader,
  type StreamingLoaderOptions,
  type StreamingTrainingOptions,
} from "../../../src/data/loading/streaming-loader.ts";
import type { SampleSource } from "../../../src/data/sources/sample-source.ts";
import type { EvaluationCrop } from "../../../src/images/transforms/crop.ts";
import { noiseImage, plainImage, writeFiles } from "../../support/images.ts";
import { tarArchive } from "../../support/tar-archive.ts";
import { imagenetExample, tfRecords } from "../../support/tf-examples.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const directory = mkdtempSync(join(tmpdir(), "streaming-"));
const pool = new DecodePool({ workers: 2 });
after(async () => {
  await pool.close();
  rmSync(directory, { recursive: true });
});

/** Sample i has the value 20·i everywhere; the label of the first five is 0. */
const count = 10;
let source: SampleSource;
before(async () => {
  const images = await Promise.all(Array.from({ length: count }, (_, i) => plainImage(20 * i)));
  const files = images.map((image, i) => [`plain/${i < 5 ? "a" : "b"}/${i}.png`, image]);
  writeFiles(directory, Object.fromEntries(files));
  source = await openImageFolder(join(directory, "plain"));
});

/** Leaves bytes as they are. */
const statistics = { mean: [0, 0, 0], std: [1 / 255, 1 / 255, 1 / 255] };
const size = { width: 4, height: 4 };
const training: StreamingTrainingOptions = { seed: 1, flip: true, padding: 0, crop: "distorted" };

function loader(options: Partial<StreamingLoaderOptions> = {}, of = source): StreamingLoader {
  return new StreamingLoader(of, { batchSize: 4, pool, size, statistics, ...options });
}

async function collect<T>(batches: AsyncIterable<Batch>, read: (batch: Batch) => T): Promise<T[]> {
  const values: T[] = [];
  for await (const batch of batches) values.push(read(batch));
  return values;
}

const samplesOf = ({ images }: Batch): number[] => {
  const [batch, , height, width] = images.shape as [number, number, number, number];
  const values = images.toTypedArray() as Float32Array;
  return Array.from({ length: batch }, (_, i) => Math.round((values[i * 3 * height * width] as number) / 20));
};
const epoch = (of: StreamingLoader, number = 0, fromStep = 0) =>
  collect(of.batches(number, fromStep), samplesOf);

describe("streaming for evaluation", () => {
  it("gives every sample in order with its label, the rest as a smaller batch", async () => {
    const evaluating = loader();
    assert.deepEqual(await epoch(evaluating), [
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
    assert.deepEqual(await collect(evaluating.batches(), ({ labels }) => labels.toNestedArray()), [
      [0, 0, 0, 0],
      [0, 1, 1, 1],
      [1, 1],
    ]);
    assert.deepEqual([evaluating.stepsPerEpoch, evaluating.samplesPerEpoch], [3, 10]);
  });
  it("standardizes with ImageNet's statistics unless told otherwise (spec recipes 1.5)", async () => {
    const [first] = await collect(loader({ statistics: undefined, batchSize: 2 }).batches(), ({ images }) =>
      Array.from(images.toTypedArray() as Float32Array),
    );
    // Sample 1 has the value 20. The order is [B, C, H, W].
    const found = [0, 1, 2].map((channel) => (first as number[])[16 * (3 + channel)] as number);
    const expected = [(20 - 123.675) / 58.395, (20 - 116.28) / 57.12, (20 - 103.53) / 57.375];
    for (const [channel, value] of expected.entries())
      assert.ok(Math.abs((found[channel] as number) - value) < 1e-6, `${found[channel]} is not ${value}`);
  });
  it("takes the central part of 7/8", async () => {
    writeFiles(directory, { "framed/a/1.png": await framed(16, 1) });
    const framedSource = await openImageFolder(join(directory, "framed"));
    const [values] = await collect(
      loader({ size: { width: 14, height: 14 } }, framedSource).batches(),
      (batch) => new Set(batch.images.toTypedArray() as Float32Array),
    );
    assert.deepEqual([...(values as Set<number>)], [200]);
  });
  it("takes the whole image, or the middle of one scaled to a size, where it is told to", async () => {
    writeFiles(directory, { "wide-frame/a/1.png": await framed(16, 4) });
    const framedSource = await openImageFolder(join(directory, "wide-frame"));
    const valuesOf = async (evaluationCrop: EvaluationCrop) => {
      const [values] = await collect(
        loader({ size: { width: 8, height: 8 }, evaluationCrop }, framedSource).batches(),
        (batch) => new Set(batch.images.toTypedArray() as Float32Array),
      );
      return [...(values as Set<number>)];
    };
    assert.ok((await valuesOf("whole")).includes(0));
    assert.notDeepEqual(await valuesOf(14), [200]);
    assert.deepEqual(await valuesOf(16), [200]);
  });
});

describe("streaming for training", () => {
  it("gives whole batches of different samples, in an order of their own in every epoch", async () => {
    const batches = await epoch(loader({ training }));
    assert.deepEqual(
      batches.map((samples) => samples.length),
      [4, 4],
    );
    assert.equal(new Set(batches.flat()).size, 8);
    const orders = new Set<string>();
    for (let number = 0; number < 6; number++) orders.add((await epoch(loader({ training }), number)).join());
    assert.equal(orders.size, 6);
  });
  it("keeps the order of images in memory with the same seed", async () => {
    const { Loader } = await import("../../../src/data/loading/loader.ts");
    const { tensor } = await import("@pea/torch");
    const memory = new Loader(
      {
        images: tensor(
          Uint8Array.from({ length: count }, (_, i) => 20 * i),
          { shape: [count, 1, 1, 1] },
        ),
        labels: tensor(BigInt64Array.from({ length: count }, () => 0n)),
        classes: ["a"],
      },
      { batchSize: 4, statistics: { mean: [0], std: [1 / 255] }, training },
    );
    const expected = Array.from(memory.batches(3), ({ images }) =>
      Array.from(images.toTypedArray() as Float32Array, (value) => Math.round(value / 20)),
    );
    assert.deepEqual(await epoch(loader({ training }), 3), expected);
  });
  it("keeps labels with their images", async () => {
    for await (const batch of loader({ training }).batches(2))
      assert.deepEqual(
        batch.labels.toNestedArray(),
        samplesOf(batch).map((i) => (i < 5 ? 0 : 1)),
      );
  });
});

describe("augmentation of streamed images", () => {
  let noisy: SampleSource;
  before(async () => {
    const images = await Promise.all(Array.from({ length: 12 }, (_, i) => noiseImage(i, 40 + 3 * i, 30 + i)));
    writeFiles(directory, Object.fromEntries(images.map((image, i) => [`noise/a/${10 + i}.jpg`, image])));
    noisy = await openImageFolder(join(directory, "noise"));
  });
  const pixels = ({ images }: Batch) =>
    Buffer.from((images.toTypedArray() as Float32Array).buffer).toString("hex");
  const options = { batchSize: 3, training: { ...training, padding: 1 } };

  it("is a function of the seed, the epoch and the sample: an epoch resumed goes on with the same bytes", async () => {
    const whole = await collect(loader(options, noisy).batches(5), pixels);
    assert.equal(whole.length, 4);
    for (const fromStep of [1, 2, 3])
      assert.deepEqual(
        await collect(loader(options, noisy).batches(5, fromStep), pixels),
        whole.slice(fromStep),
      );
    assert.deepEqual(await collect(loader(options, noisy).batches(5, 4), pixels), []);
  });
  it("does not depend on the number of threads", async () => {
    const one = new DecodePool({ workers: 1 });
    const alone = await collect(loader({ ...options, pool: one }, noisy).batches(5), pixels);
    await one.close();
    assert.deepEqual(alone, await collect(loader(options, noisy).batches(5), pixels));
  });
  it("differs from epoch to epoch and by crop", async () => {
    const sum = (batches: string[]) => batches.join();
    const found = new Set([
      sum(await collect(loader(options, noisy).batches(0), pixels)),
      sum(await collect(loader(options, noisy).batches(1), pixels)),
      sum(
        await collect(
          loader({ ...options, training: { ...training, crop: "torchvision" } }, noisy).batches(0),
          pixels,
        ),
      ),
      sum(
        await collect(
          loader({ ...options, training: { ...training, crop: "whole" } }, noisy).batches(0),
          pixels,
        ),
      ),
    ]);
    assert.equal(found.size, 4);
  });
});

describe("an image that cannot be read", () => {
  let broken: SampleSource;
  before(async () => {
    const image = await plainImage(20);
    writeFiles(directory, {
      "broken/a/0.png": await plainImage(0),
      "broken/a/1.png": "",
      "broken/a/2.png": await plainImage(40),
      "broken/a/3.png": image.subarray(0, image.length / 2),
      "broken/b/4.png": await plainImage(80),
      "broken/b/5.png": await plainImage(100),
      "broken/b/6.png": "no image",
      "broken/b/7.png": await plainImage(140),
    });
    broken = await openImageFolder(join(directory, "broken"));
  });

  it("stops the run at its batch and is named", async () => {
    const seen: number[][] = [];
    const batches = loader({ batchSize: 1 }, broken).batches();
    await assert.rejects(
      async () => {
        for await (const batch of batches) seen.push(samplesOf(batch));
      },
      {
        name: "UnreadableImagesError",
        message: /broken\/a\/1\.png cannot be read: it is empty\. .*--on-bad-sample skip/,
      },
    );
    assert.deepEqual(seen, [[0]]);
  });
  it("is skipped by choice, told of once, and counted", async () => {
    const told: string[] = [];
    const skipping = loader({ onBadSample: "skip", onSkip: ({ name }) => told.push(name) }, broken);
    for (let repetition = 0; repetition < 2; repetition++) {
      assert.deepEqual(await epoch(skipping), [
        [0, 2],
        [4, 5, 7],
      ]);
      assert.deepEqual(await collect(skipping.batches(), ({ labels }) => labels.toNestedArray()), [
        [0, 0],
        [1, 1, 1],
      ]);
    }
    assert.deepEqual(
      told.map((name) => name.slice(-5)),
      ["1.png", "3.png", "6.png"],
    );
    const reasons = Array.from(skipping.skipped.values(), ({ reason }) => reason);
    assert.equal(reasons[0], "it is empty");
    assert.match(reasons[2] as string, /unsupported image format/);
  });
  it("may be gone since the folder was listed", async () => {
    const path = join(directory, "broken/b/8.png");
    writeFileSync(path, "");
    const listed = await openImageFolder(join(directory, "broken"));
    rmSync(path);
    const skipping = loader({ onBadSample: "skip", batchSize: 9 }, listed);
    await epoch(skipping);
    assert.match(skipping.skipped.get(path)?.reason ?? "", /ENOENT/);
  });
  it("is skipped in every format, whatever is wrong with it", async () => {
    const image = await noiseImage(1, 30, 20);
    const samples = { empty: Buffer.alloc(0), good: image, cut: image.subarray(0, 300), text: "no image" };
    const values = Object.values(samples).map((bytes) => Buffer.from(bytes));
    const members = Object.entries(samples).flatMap(([key, bytes]) => [
      [`${key}.jpg`, bytes],
      [`${key}.cls`, "0"],
    ]);
    writeFiles(directory, {
      "bad.tar": tarArchive(Object.fromEntries(members)),
      "bad-00000-of-00001": tfRecords(values.map((bytes) => imagenetExample(bytes, 1))),
      ...Object.fromEntries(Object.entries(samples).map(([key, bytes]) => [`bad/a/${key}.jpg`, bytes])),
    });
    const sources = [
      await openWebDataset([join(directory, "bad.tar")]),
      await openTfRecords([join(directory, "bad-00000-of-00001")]),
      await openImageFolder(join(directory, "bad")),
    ];
    for (const of of sources) {
      const skipping = loader({ onBadSample: "skip" }, of);
      const sizes = await collect(skipping.batches(), ({ labels }) => labels.numel);
      assert.deepEqual(sizes, [1]);
      const reasons = Array.from(skipping.skipped.values(), ({ reason }) => reason);
      assert.deepEqual(reasons.length, 3);
      for (const reason of [/it is empty/, /premature end/i, /unsupported image format/])
        assert.ok(
          reasons.some((one) => reason.test(one)),
          `${reason} is not among ${reasons}`,
        );
    }
  });
  it("is passed over with its batch where an evaluation's batch holds nothing else", async () => {
    const skipping = loader({ onBadSample: "skip", batchSize: 1 }, broken);
    assert.deepEqual(await epoch(skipping), [[0], [2], [4], [5], [7]]);
  });
  it("stops the run where a batch to train on holds nothing else", async () => {
    const skipping = { onBadSample: "skip", training } as const;
    await assert.rejects(epoch(loader({ ...skipping, batchSize: 1 }, broken)), {
      message:
        /^the one image of a batch cannot be read: .*\d\.png: .*; mend or remove it, or take a larger batchSize$/,
    });
    const share = { ...skipping, batchSize: 2, place: { rank: 0, size: 2 } };
    await assert.rejects(epoch(loader(share, broken)), {
      message:
        /^the one image of a process's share of a batch cannot be read: .*; mend or remove it, or give each process more images: start fewer$/,
    });
  });
  it("is found by a look, which counts it as skipped where it would be", async () => {
    const indices = Int32Array.of(0, 1, 6);
    assert.deepEqual(
      (await loader({}, broken).look(indices)).map(({ name }) => name.slice(-5)),
      ["1.png", "6.png"],
    );
    const skipping = loader({ onBadSample: "skip" }, broken);
    await skipping.look(indices);
    assert.deepEqual(
      Array.from(skipping.skipped.keys(), (name) => name.slice(-5)),
      ["1.png", "6.png"],
    );
  });
});

describe("every streamed batch", () => {
  it("is float32 in channels_last with int64 labels", async () => {
    for await (const { images, labels } of loader({ size: { width: 5, height: 6 } }).batches()) {
      assert.deepEqual(
        [images.dtype, images.shape.slice(1), images.strides],
        ["float32", [3, 6, 5], [90, 1, 15, 3]],
      );
      assert.equal(labels.dtype, "int64");
    }
  });
  it("lives until the next one, also when the loop is left early", async () => {
    // What the tests before left behind is collected now, or else at any moment of the loop.
    collectGarbage();
    await new Promise(setImmediate);
    const before = memoryStats().tensors;
    let last: Batch | undefined;
    for await (const batch of loader().batches()) {
      assert.ok(last === undefined || last.images.disposed);
      assert.equal(memoryStats().tensors, before + 2);
      last = batch;
    }
    for await (const _ of loader({ batchSize: 1 }).batches()) break;
    assert.equal(memoryStats().tensors, before);
  });
});

describe("the threads of a decode pool", () => {
  it("do not take an error of the program for a bad image", async () => {
    const crop = "unheard-of" as "whole";
    await assert.rejects(epoch(loader({ onBadSample: "skip", training: { ...training, crop } })), TypeError);
  });
  it("fail what is asked of them after they have been ended", async () => {
    const closed = new DecodePool({ workers: 1 });
    await closed.close();
    await assert.rejects(epoch(loader({ pool: closed })), { message: /decode pool is closed/ });
  });
});

/** White with a black frame, as PNG. */
async function framed(side: number, border: number): Promise<Buffer> {
  const { default: sharp } = await import("sharp");
  const inner = side - 2 * border;
  return sharp({ create: { width: inner, height: inner, channels: 3, background: "rgb(200,200,200)" } })
    .extend({ top: border, bottom: border, left: border, right: border, background: "black" })
    .png()
    .toBuffer();
}
