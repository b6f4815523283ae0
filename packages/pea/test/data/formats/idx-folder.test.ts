import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { loadIdxFolder } from "../../../src/data/formats/idx-folder.ts";
import { writeFiles } from "../../support/images.ts";
import { idxBytes } from "../sources/idx-file.ts";

const directory = mkdtempSync(join(tmpdir(), "idx-folder-"));
after(() => rmSync(directory, { recursive: true }));

let made = 0;
function folder(files: Record<string, Uint8Array | string>): string {
  const path = join(directory, `${made++}`);
  writeFiles(path, { "placeholder.txt": "", ...files });
  return path;
}

const images = (count: number, height = 2, width = 3) =>
  idxBytes(
    [count, height, width],
    Uint8Array.from({ length: count * height * width }, (_, i) => i),
  );
const labels = (...values: number[]) => idxBytes([values.length], Uint8Array.from(values));
const complete = {
  "train-images-idx3-ubyte": images(3),
  "train-labels-idx1-ubyte": labels(2, 0, 1),
  "t10k-images-idx3-ubyte": images(2),
  "t10k-labels-idx1-ubyte": labels(1, 1),
};
const renamed = (from: string | RegExp, to: string, files: Record<string, Uint8Array>) =>
  Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name.replace(from, to), bytes]));

describe("a folder of IDX files", () => {
  it("gives grey images of any size, with classes named by their numbers", () => {
    const { train, test } = loadIdxFolder(folder(complete));
    assert.deepEqual(
      [train.images.shape, test.images.shape],
      [
        [3, 1, 2, 3],
        [2, 1, 2, 3],
      ],
    );
    assert.deepEqual(
      [train.labels.toNestedArray(), train.classes],
      [
        [2, 0, 1],
        ["0", "1", "2"],
      ],
    );
    assert.deepEqual((train.images.toNestedArray() as number[][][][])[1], [
      [
        [6, 7, 8],
        [9, 10, 11],
      ],
    ]);
  });
  it("may have a part named test, and compressed files", () => {
    const files = renamed("t10k", "test", complete);
    const packed = Object.entries(files).map(([name, bytes]) => [`${name}.gz`, gzipSync(bytes)]);
    assert.deepEqual(loadIdxFolder(folder(Object.fromEntries(packed))).test.labels.toNestedArray(), [1, 1]);
  });
  it("may have its files named with dots, and unpacked into folders of their names", () => {
    const dotted = Object.entries(complete).map(([name, bytes]) => [name.replace("-idx", ".idx"), bytes]);
    const packed = dotted.map(([name, bytes]) => [`${name}.gz`, gzipSync(bytes as Uint8Array)]);
    const inFolders = Object.entries(complete).map(([name, bytes]) => [`${name}/${name}`, bytes]);
    for (const files of [dotted, packed, inFolders])
      assert.deepEqual(
        loadIdxFolder(folder(Object.fromEntries(files))).train.labels.toNestedArray(),
        [2, 0, 1],
      );
  });
  const letters = (...values: number[]) => ({
    ...renamed(/^train|^t10k/, "emnist-letters-$&", complete),
    "emnist-letters-train-labels-idx1-ubyte": labels(...values),
    "emnist-letters-t10k-labels-idx1-ubyte": labels(1, 1),
  });
  it("may have the set's name before each file's, as EMNIST's", () => {
    const files = {
      ...renamed("t10k", "test", letters(2, 0, 1)),
      "._emnist-letters-train-images-idx3-ubyte": "a Mac's attributes",
    };
    const { train, notes } = loadIdxFolder(folder(files));
    assert.deepEqual(train.labels.toNestedArray(), [2, 0, 1]);
    assert.match(`${notes}`, /EMNIST's images lie on their side, rows and columns exchanged/);
    assert.equal(loadIdxFolder(folder(complete)).notes, undefined);
  });
  it("may have EMNIST's list of what its labels stand for, which also tells whether they count from 1", () => {
    const mapping = (text: string) => ({ "emnist-letters-mapping.txt": text });
    const fromOne = loadIdxFolder(
      folder({ ...letters(1, 3, 1), ...mapping("1 65 97\n2 66 98\r\n3 67 99\n") }),
    );
    assert.deepEqual(
      [fromOne.train.labels.toNestedArray(), fromOne.test.labels.toNestedArray(), fromOne.train.classes],
      [
        [0, 2, 0],
        [0, 0],
        ["A", "B", "C"],
      ],
    );
    const fromZero = loadIdxFolder(folder({ ...letters(1, 0, 1), ...mapping("0 48\n1 49") }));
    assert.deepEqual(
      [fromZero.train.labels.toNestedArray(), fromZero.train.classes],
      [
        [1, 0, 1],
        ["0", "1"],
      ],
    );
  });
  it("may have labels from 1, if one says so", () => {
    const files = { ...complete, "train-labels-idx1-ubyte": labels(2, 1, 2) };
    const { train, test } = loadIdxFolder(folder(files), { labelBase: 1 });
    assert.deepEqual(
      [train.labels.toNestedArray(), test.labels.toNestedArray(), train.classes],
      [
        [1, 0, 1],
        [0, 0],
        ["0", "1"],
      ],
    );
  });
  it("may have the names of its classes in classes.txt, also of such without a sample", () => {
    const { classes } = loadIdxFolder(folder({ ...complete, "classes.txt": "a\nb b\r\nc\nd\n" })).train;
    assert.deepEqual(classes, ["a", "b b", "c", "d"]);
  });
});

describe("reading a folder of IDX files refuses", () => {
  const cases: [what: string, files: Record<string, Uint8Array | string>, message: RegExp][] = [
    [
      "a missing part",
      renamed("t10k", "other", complete),
      /has neither t10k-images-idx3-ubyte\.gz nor t10k-images/,
    ],
    [
      "missing labels",
      renamed("train-labels", "labels", complete),
      /has neither train-labels-idx1-ubyte\.gz nor/,
    ],
    [
      "parts of different sizes",
      { ...complete, "t10k-images-idx3-ubyte": images(2, 3, 3) },
      /2×3 pixels, but .* of 3×3/,
    ],
    [
      "another number of labels",
      { ...complete, "train-labels-idx1-ubyte": labels(1, 0) },
      /3 images but .* 2 labels/,
    ],
    [
      "classes without a sample",
      { ...complete, "train-labels-idx1-ubyte": labels(1, 2, 3) },
      /no sample of the training part has the label 0 .*If the labels count from 1, set labelBase to 1/,
    ],
    [
      "several sets",
      { ...complete, ...renamed(/^/, "emnist-digits-", complete) },
      /holds several sets of IDX files: one without a name, emnist-digits; move the files of one/,
    ],
    [
      "a mapping that is none",
      { ...renamed(/^/, "emnist-x-", complete), "emnist-x-mapping.txt": "0 48\n2 50\n" },
      /emnist-x-mapping\.txt is no list of labels and the codes of their letters/,
    ],
    [
      "a label that is none of the classes",
      { ...complete, "t10k-labels-idx1-ubyte": labels(1, 3) },
      /t10k-labels-idx1-ubyte has the label 3 at index 1; labels run from 0 to 2/,
    ],
    [
      "a class that is named twice",
      { ...complete, "classes.txt": "a\nb\na\n" },
      /classes\.txt has the class "a" twice/,
    ],
    ["a list without a class", { ...complete, "classes.txt": "\n" }, /classes\.txt names no class/],
  ];
  for (const [what, files, message] of cases)
    it(what, () => {
      assert.throws(() => loadIdxFolder(folder(files)), { name: "PeaError", message });
    });
  it("a label 0 where labels count from 1", () => {
    assert.throws(() => loadIdxFolder(folder(complete), { labelBase: 1 }), {
      kind: "usage",
      message:
        /train-labels-idx1-ubyte has the label 0 at index 1, but labels are to count from 1; set labelBase to 0/,
    });
  });
});
