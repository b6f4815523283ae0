import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ImageCheck } from "../../../src/data/loading/image-check.ts";
import { UnreadableImagesError } from "../../../src/data/loading/unreadable-images.ts";

/** A loader of `count` images that answers when it is told to; those in `bad` cannot be read. */
function madeLoader(
  count: number,
  { bad = [], batchSize = 100 }: { bad?: number[]; batchSize?: number } = {},
) {
  const asked: number[][] = [];
  const waiting: (() => void)[] = [];
  return {
    asked,
    batchSize,
    indices: Int32Array.from({ length: count }, (_, i) => i),
    look: async (indices: Int32Array) => {
      asked.push([...indices]);
      await new Promise<void>((answer) => waiting.push(answer));
      return [...indices].filter((i) => bad.includes(i)).map((i) => ({ name: `${i}.jpg`, reason: "made" }));
    },
    /** Answers what is waiting, then lets the check take it in. */
    async answer() {
      for (const reply of waiting.splice(0)) reply();
      await new Promise(setImmediate);
    },
  };
}

const checkOf = (
  loader: ReturnType<typeof madeLoader>,
  steps: number,
  onBadSample: "fail" | "skip" = "fail",
) => new ImageCheck([{ loader, indices: loader.indices }], { steps, onBadSample });

describe("the check of images while a run trains", () => {
  it("asks for an even share after each step, and for all by the last", async () => {
    const loader = madeLoader(10);
    const check = checkOf(loader, 5);
    for (let step = 1; step < 5; step++) {
      await check.advance();
      assert.deepEqual(loader.asked.flat(), [...loader.indices.subarray(0, 2 * step)]);
      await loader.answer();
    }
    const last = check.advance();
    await loader.answer();
    await last;
    assert.deepEqual(loader.asked.flat(), [...loader.indices]);
  });

  for (const images of [1, 2, 7, 15])
    it(`looks at each of ${images} images in 10 steps, of which some have none to ask for`, async () => {
      const loader = madeLoader(images, { batchSize: 4 });
      const check = checkOf(loader, 10);
      for (let step = 1; step <= 10; step++) {
        const advanced = check.advance();
        for (let turn = 0; turn <= images; turn++) await loader.answer();
        await advanced;
      }
      assert.deepEqual(loader.asked.flat(), [...loader.indices]);
    });

  it("has four shares in work at most, however slow it is, and waits for the rest after its last step", async () => {
    const loader = madeLoader(12);
    const check = checkOf(loader, 6);
    for (let step = 1; step <= 5; step++) await check.advance();
    assert.equal(loader.asked.length, 4);
    let isDone = false;
    const last = check.advance().then(() => {
      isDone = true;
    });
    await loader.answer();
    assert.deepEqual([loader.asked.length, isDone], [6, false]);
    await loader.answer();
    await last;
    assert.deepEqual(loader.asked.flat(), [...loader.indices]);
    await check.advance();
    assert.equal(loader.asked.length, 6);
  });

  it("asks for no more than a batch of the loader at once", async () => {
    const loader = madeLoader(10, { batchSize: 4 });
    const check = checkOf(loader, 1);
    const all = check.advance();
    for (let share = 0; share < 3; share++) await loader.answer();
    await all;
    assert.deepEqual(
      loader.asked.map(({ length }) => length),
      [4, 4, 2],
    );
  });

  it("goes through several loaders, one after the other", async () => {
    const [first, second] = [madeLoader(2), madeLoader(3)];
    const check = new ImageCheck(
      [first, second].map((loader) => ({ loader, indices: loader.indices })),
      { steps: 1, onBadSample: "fail" },
    );
    const all = check.finish();
    await first.answer();
    await second.answer();
    await all;
    assert.deepEqual([first.asked, second.asked], [[[0, 1]], [[0, 1, 2]]]);
  });

  it("stops the run at the step after an image was found that cannot be read", async () => {
    const loader = madeLoader(10, { bad: [1, 7] });
    const check = checkOf(loader, 5);
    await check.advance();
    await loader.answer();
    await assert.rejects(check.advance(), (error) => {
      assert.ok(error instanceof UnreadableImagesError);
      assert.deepEqual(error.images, [{ name: "1.jpg", reason: "made" }]);
      return true;
    });
    // The others can still be found.
    const rest = check.finish();
    for (let share = 0; share < 4; share++) await loader.answer();
    await rest;
    assert.deepEqual(
      check.found.map(({ name }) => name),
      ["1.jpg", "7.jpg"],
    );
  });

  it("lets the run go on where such images are skipped", async () => {
    const loader = madeLoader(4, { bad: [0] });
    const check = checkOf(loader, 2, "skip");
    await check.advance();
    await loader.answer();
    const last = check.advance();
    await loader.answer();
    await last;
    assert.equal(check.found.length, 1);
  });

  it("has nothing to do without images, nor before it is asked after a run's last step", async () => {
    await checkOf(madeLoader(0), 3).finish();
    const loader = madeLoader(3);
    await checkOf(loader, 0).advance();
    assert.deepEqual(loader.asked, []);
  });

  it("tells of a pool that failed when it is waited for", async () => {
    const loader = {
      ...madeLoader(4),
      look: async () => {
        throw new Error("the pool is closed");
      },
    };
    await assert.rejects(checkOf(loader, 2).finish(), /the pool is closed/);
  });
});

describe("the error of images that cannot be read", () => {
  const images = Array.from({ length: 23 }, (_, i) => ({ name: `${i}.jpg`, reason: "it is empty" }));

  it("names one with its reason, and the ways out", () => {
    const { message } = new UnreadableImagesError(images.slice(0, 1));
    assert.match(
      message,
      /^0\.jpg cannot be read: it is empty\. Repair or remove it, or .*--on-bad-sample skip/,
    );
  });
  it("names several, up to twenty, and how many more there are", () => {
    assert.match(
      new UnreadableImagesError(images.slice(0, 2)).message,
      /^2 images cannot be read: 0\.jpg \(it is empty\), 1\.jpg \(it is empty\)\. Repair or remove them/,
    );
    assert.match(
      new UnreadableImagesError(images).message,
      /^23 images .*19\.jpg \(it is empty\) and 3 more\./,
    );
  });
});
