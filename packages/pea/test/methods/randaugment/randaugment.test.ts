import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, test } from "node:test";
import { tensor } from "@pea/torch";
import { openImageFolder } from "../../../src/data/formats/image-folder.ts";
import { DecodePool } from "../../../src/data/loading/decode-pool.ts";
import { Loader } from "../../../src/data/loading/loader.ts";
import { StreamingLoader } from "../../../src/data/loading/streaming-loader.ts";
import { RandAugmentMethod } from "../../../src/methods/index.ts";
import { applyOperation, isSigned, operationNames } from "../../../src/methods/randaugment/operations.ts";
import { changeImage } from "../../../src/methods/randaugment/rand-augment.ts";
import { fitContext } from "../../support/fit-context.ts";
import { noiseImage, writeFiles } from "../../support/images.ts";
import { temporaryFolder } from "../../support/tiny-data.ts";
import { usage } from "../../support/usage-error.ts";

/** Smooth in one corner and noisy in the other, dark and light. */
function picture(width: number, height: number, channels: number, span: number, least: number) {
  const data = Uint8Array.from({ length: width * height * channels }, (_, i) => {
    const [y, x] = [Math.floor(i / channels / width), Math.floor(i / channels) % width];
    const noise = (Math.imul(i + 1, 2654435761) >>> 16) % 97;
    return least + (((x * 5 + y * 3 + (i % channels) * 40) * (x > y ? 1 : 0.5) + (x > y ? noise : 0)) % span);
  });
  return { data, width, height, channels };
}

const pictures = [
  picture(33, 20, 3, 256, 0),
  picture(28, 28, 1, 256, 0),
  picture(17, 40, 3, 90, 60),
  { ...picture(8, 8, 1, 1, 0), data: new Uint8Array(64).fill(77) },
];

test("images in memory and in files are changed to the same bytes, whatever the threads", async () => {
  const { imageChange } = new RandAugmentMethod({ operations: 2, magnitude: 12 });
  const changes = [imageChange];
  const [count, side] = [6, 16];
  const files = await Promise.all(Array.from({ length: count }, (_, i) => noiseImage(i, side, side)));
  const folder = temporaryFolder();
  writeFiles(folder, Object.fromEntries(files.map((file, i) => [`a/${i}.jpg`, file])));
  const source = await openImageFolder(folder);
  const statistics = { mean: [0, 0, 0], std: [1 / 255, 1 / 255, 1 / 255] };
  const training = { seed: 4, flip: true, padding: 0, changes, crop: "whole" as const };
  const bytesBy = async (workers: number) => {
    const pool = new DecodePool({ workers });
    const options = { batchSize: count, pool, size: { width: side, height: side }, statistics };
    const read = async (given: object) => {
      for await (const { images, indices } of new StreamingLoader(source, { ...options, ...given }).batches(
        1,
      ))
        return { pixels: images.toTypedArray() as Float32Array, indices };
      throw new Error("no batch");
    };
    const plain = await read({ evaluationCrop: "whole" });
    const changed = await read({ training });
    return { plain, changed };
  };
  const [{ plain, changed }, other] = [await bytesBy(1), await bytesBy(2)];
  assert.deepEqual(other.changed, changed);
  const dataset = {
    images: tensor(Uint8Array.from(plain.pixels), { shape: [count, 3, side, side] }),
    labels: tensor(BigInt64Array.from({ length: count }, () => 0n)),
    classes: ["a"],
  };
  const inMemory = new Loader(dataset, { batchSize: count, statistics, training });
  for (const { images, indices } of inMemory.batches(1)) {
    assert.deepEqual(images.toTypedArray(), changed.pixels);
    assert.deepEqual(indices, changed.indices);
  }
  const unchanged = new Loader(dataset, {
    batchSize: count,
    statistics,
    training: { ...training, changes: [] },
  });
  for (const { images } of unchanged.batches(1)) assert.notDeepEqual(images.toTypedArray(), changed.pixels);
});

describe("the operations", () => {
  const cases = operationNames.flatMap((operation) =>
    pictures.flatMap((_, image) =>
      [0, 1, 4, 9, 15, 16, 22, 30].flatMap((magnitude) =>
        (isSigned(operation) ? ([1, -1] as const) : ([1] as const)).map((sign) => ({
          ...{ operation, image, magnitude, sign },
        })),
      ),
    ),
  );
  const images = pictures.map(({ data, ...size }) => ({
    ...size,
    data: Buffer.from(data).toString("base64"),
  }));
  const python = (...words: string[]) =>
    spawnSync("/usr/bin/python3", words, {
      input: JSON.stringify({ images, cases }),
      encoding: "utf8",
      maxBuffer: 1 << 28,
    });
  const results = (...flags: string[]) => {
    const { status, stdout, stderr } = python(
      join(import.meta.dirname, "../../oracle/randaugment.py"),
      ...flags,
    );
    assert.equal(status, 0, stderr);
    return JSON.parse(stdout) as string[];
  };
  const byPil = results();
  const expected = byPil.map((text) => Buffer.from(text, "base64"));
  const look = "import torchvision; exit(not torchvision.__version__.startswith('0.14.'))";
  const skip = python("-c", look).status !== 0 && "needs the python3-torchvision of Debian 12, 0.14";

  test("PIL is called as torchvision calls it", { skip }, () => {
    assert.deepEqual(results("--torchvision"), byPil);
  });

  for (const name of operationNames)
    test(`${name} is PIL's, byte for byte`, () => {
      for (const [i, { operation, image, magnitude, sign }] of cases.entries()) {
        if (operation !== name) continue;
        const { data, ...size } = pictures[image] as (typeof pictures)[number];
        const changed = data.slice();
        applyOperation({ data: changed, ...size }, operation, magnitude, sign);
        const differing = changed.filter((byte, place) => byte !== expected[i]?.[place]).length;
        assert.equal(differing, 0, `magnitude ${sign * magnitude} of picture ${image}`);
      }
    });
});

describe("RandAugment of an image", () => {
  const draw = (index: number, settings = { operations: 2, magnitude: 9 }, epoch = 0) => {
    const { data, ...size } = pictures[0] as (typeof pictures)[number];
    const changed = data.slice();
    changeImage({ data: changed, ...size }, settings, { seed: 3, epoch, index });
    return Buffer.from(changed).toString("base64");
  };

  test("is a function of seed, epoch and image", () => {
    assert.equal(draw(5), draw(5));
    assert.equal(new Set([draw(5), draw(6), draw(5, undefined, 1)]).size, 3);
  });

  test("is one of the operations in one direction, each as often as another", () => {
    const { data, ...size } = pictures[0] as (typeof pictures)[number];
    const seen = new Map<string, number>();
    const count = 2800;
    for (let index = 0; index < count; index++) {
      const made = draw(index, { operations: 1, magnitude: 9 });
      seen.set(made, (seen.get(made) ?? 0) + 1);
    }
    const known = operationNames.flatMap((name) =>
      (isSigned(name) ? ([1, -1] as const) : ([1] as const)).map((sign) => {
        const changed = data.slice();
        applyOperation({ data: changed, ...size }, name, 9, sign);
        return { made: Buffer.from(changed).toString("base64"), share: 1 / 14 / (isSigned(name) ? 2 : 1) };
      }),
    );
    const shares = new Map<string, number>();
    for (const { made, share } of known) shares.set(made, (shares.get(made) ?? 0) + share);
    assert.deepEqual(
      [...seen.keys()].filter((made) => !shares.has(made)),
      [],
    );
    for (const [made, share] of shares) {
      const found = (seen.get(made) ?? 0) / count;
      assert.ok(
        Math.abs(found - share) < 4 * Math.sqrt((share * (1 - share)) / count),
        `${found} of ${share}`,
      );
    }
  });
});

test("it is refused in segmentation, with the reason", () => {
  assert.throws(
    () => new RandAugmentMethod({ operations: 2, magnitude: 9 }).fit(fitContext({ task: "segmentation" })),
    usage(
      /randaugment does not go with segmentation: .*label maps stay where they are; leave randaugment out/,
    ),
  );
});
