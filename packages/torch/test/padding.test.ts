import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as t from "@pea/torch";

const signal = t.ones([1, 16, 8]);
const images = t.contiguous(t.ones([1, 16, 8, 8]), { memoryFormat: "channels_last" });

/** What is no padding of any convolution, and how a message shows it. */
const wrong: [padding: unknown, shown: string][] = [
  ["same", '"same"'],
  [-1, "-1"],
  [1.5, "1.5"],
  [Number.NaN, "NaN"],
  [true, "true"],
  [null, "null"],
  [{}, "an object of class Object"],
  [[], "[]"],
  [[1, 1, 1], "[1, 1, 1]"],
  [[1, 1, 1, 1, 1], "[1, 1, 1, 1, 1]"],
  [["1", 1], '["1", 1]'],
];

/** What is none where each side has its number. */
const wrongSides: typeof wrong = [
  [[-1, 0], "[-1, 0]"],
  [[0, 1, 0, -1], "[0, 1, 0, -1]"],
  [[0, 1, 0.5, 1], "[0, 1, 0.5, 1]"],
  [[0, Number.NaN, 0, 1], "[0, NaN, 0, 1]"],
];

const allowed = {
  conv1d: /a whole number of at least 0, got/,
  conv2d: /a whole number of at least 0, or of such \[height, width\] or \[left, right, top, bottom\], got/,
  convTranspose1d: /a whole number of at least 0, got/,
  convTranspose2d: /a whole number of at least 0, or of such \[height, width\], got/,
};

type Padded = (padding: never) => unknown;
const functions: Record<keyof typeof allowed, Padded> = {
  conv1d: (padding) => t.conv1d(signal, t.ones([16, 16, 3]), { padding }),
  conv2d: (padding) => t.conv2d(images, t.ones([16, 16, 3, 3]), { padding }),
  convTranspose1d: (padding) => t.convTranspose1d(signal, t.ones([16, 16, 3]), { padding }),
  convTranspose2d: (padding) => t.convTranspose2d(images, t.ones([16, 16, 3, 3]), { padding }),
};
const layers: Record<string, [names: keyof typeof allowed, Padded]> = {
  Conv1d: ["conv1d", (padding) => new t.Conv1d(4, 4, 3, { padding })],
  Conv2d: ["conv2d", (padding) => new t.Conv2d(4, 4, 3, { padding })],
  ConvTranspose1d: ["convTranspose1d", (padding) => new t.ConvTranspose1d(4, 4, 3, { padding })],
  ConvTranspose2d: ["convTranspose2d", (padding) => new t.ConvTranspose2d(4, 4, 3, { padding })],
};

function assertRefused(padded: Padded, given: unknown, name: string, words: RegExp, shown: string): void {
  assert.throws(
    () => padded(given as never),
    (error: Error) => {
      assert.ok(error instanceof t.TorchError, `${name} throws ${error.stack}`);
      assert.match(error.message, words);
      assert.ok(error.message.startsWith(`${name} takes as its padding `), error.message);
      assert.ok(error.message.endsWith(`, got ${shown}`), error.message);
      return true;
    },
  );
}

describe("what is no padding is refused with the value and what may stand there", () => {
  for (const [name, padded] of Object.entries(functions))
    test(`by ${name}`, () => {
      for (const [given, shown] of [...wrong, ...wrongSides])
        assertRefused(padded, given, name, allowed[name as keyof typeof allowed], shown);
    });

  for (const [name, [like, padded]] of Object.entries(layers))
    test(`by ${name} when it is made`, () => {
      for (const [given, shown] of [...wrong, ...wrongSides])
        assertRefused(padded, given, name, allowed[like], shown);
    });

  test("by a layer that derives it from its input", () => {
    class Derived extends t.Conv2d {
      given: unknown;

      protected override paddingOf(): t.Sides {
        return this.given as never;
      }
    }
    const layer = new Derived(16, 4, 3);
    for (const [given, shown] of [...wrong, ...wrongSides]) {
      layer.given = given;
      assertRefused(() => layer.forward(images), given, "conv2d", allowed.conv2d, shown);
    }
  });

  test("by paddings of images, which numbers below 0 cut", () => {
    const words = /a whole number, or of such \[left, right, top, bottom\], got/;
    for (const Pad of [t.ZeroPad2d, t.ReflectionPad2d, t.ReplicationPad2d])
      for (const [given, shown] of [...wrong.filter(([size]) => size !== -1), [[1, 2], "[1, 2]"] as const])
        assertRefused((padding) => new Pad(padding), given, Pad.name, words, shown);
    assert.deepEqual(new t.ZeroPad2d([-1, 1, 0, -2]).forward(images).shape, [1, 16, 6, 8]);
  });
});

test("a padding may be one number, of each axis, or of each side", () => {
  for (const [padding, height, width] of [
    [1, 8, 8],
    [[2, 1], 10, 8],
    [[0, 1, 2, 3], 11, 7],
  ] as const) {
    assert.deepEqual(t.conv2d(images, t.ones([4, 16, 3, 3]), { padding }).shape, [1, 4, height, width]);
    assert.deepEqual(new t.Conv2d(16, 4, 3, { padding }).forward(images).shape, [1, 4, height, width]);
  }
});
