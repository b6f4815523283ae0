import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ImageCheck } from "../../src/data/loading/image-check.ts";
import { UnreadableImagesError } from "../../src/data/loading/unreadable-images.ts";
import { nameAll } from "../../src/train/check-images.ts";

const sample = (name: string) => ({ name, reason: "made" });
const stopped = new UnreadableImagesError([sample("a.jpg")]);

/** A check of three images, one at a time, with these answers. */
function checkWith(answers: (() => { name: string; reason: string }[])[]): ImageCheck {
  const loader = { batchSize: 1, look: async () => answers.shift()?.() ?? [] };
  return new ImageCheck([{ loader, indices: Int32Array.of(0, 1, 2) }], { steps: 1, onBadSample: "fail" });
}

describe("the images that stopped a run", () => {
  it("are named with all others that cannot be read, each once", async () => {
    const check = checkWith([() => [sample("b.jpg")], () => [sample("a.jpg")], () => [sample("c.jpg")]]);
    const { images } = await nameAll(stopped, check);
    assert.deepEqual(
      images.map(({ name }) => name),
      ["a.jpg", "b.jpg", "c.jpg"],
    );
  });

  it("are named where the check of the others fails, with those that it has found", async () => {
    const fails = () => {
      throw new Error("the pool is closed");
    };
    const error = await nameAll(stopped, checkWith([() => [sample("b.jpg")], fails]));
    assert.ok(error instanceof UnreadableImagesError);
    assert.deepEqual(
      error.images.map(({ name }) => name),
      ["a.jpg", "b.jpg"],
    );
  });
});
