import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, describe, it } from "node:test";
import { openImageFolder } from "../../../src/data/formats/image-folder.ts";
import { SampleReader } from "../../../src/data/loading/sample-reader.ts";
import { splitDataset } from "../../../src/data/parts/cut-parts.ts";
import { selectSamples } from "../../../src/data/sources/sample-source.ts";
import { describePassedOver, type PassedOver } from "../../../src/images/image-names.ts";
import { writeFiles } from "../../support/images.ts";

const directory = mkdtempSync(join(tmpdir(), "image-folder-"));
after(() => rmSync(directory, { recursive: true }));

let made = 0;
/** A folder with these files in it, all empty: opening does not look into images. */
function folder(...names: string[]): string {
  const root = join(directory, `${made++}`);
  mkdirSync(root);
  writeFiles(root, Object.fromEntries(names.map((name) => [name, ""])));
  return root;
}

describe("an image folder", () => {
  it("has a class for each folder, in order, and the images in and below it, in order", async () => {
    const root = folder(
      "zebra/2.JPEG",
      "zebra/10.jpg",
      "ant/b/1.png",
      "ant/a.webp",
      "ant/c.TIFF",
      "ant/notes.txt",
      "ant/.hidden.jpg",
      ".thumbnails/1.jpg",
      "readme.md",
    );
    const source = await openImageFolder(root);
    assert.deepEqual(source.classes, ["ant", "zebra"]);
    assert.deepEqual(Array.from(source.labels), [0, 0, 0, 1, 1]);
    assert.deepEqual(
      Array.from(source.labels, (_, i) => relative(root, source.locate(i).path)),
      ["ant/a.webp", "ant/c.TIFF", "ant/b/1.png", "zebra/10.jpg", "zebra/2.JPEG"],
    );
    assert.equal(source.locate(0).name, join(root, "ant/a.webp"));
    assert.deepEqual(
      Array.from(source.labels, (_, i) => source.nameOf(i)),
      ["ant/a", "ant/c", "ant/b/1", "zebra/10", "zebra/2"],
    );
  });
  it("takes all endings of the formats that are read, and counts the other files by theirs", async () => {
    const read = ["jpg", "JPEG", "jpe", "jfif", "png", "gif", "webp", "tif", "TIFF", "avif"];
    const root = folder(
      ...read.map((ending, i) => `a/${i}.${ending}`),
      ...[
        "b/1.jpg",
        "b/2.HEIC",
        "b/c/3.heic",
        "b/notes.txt",
        "b/noending",
        "b/Thumbs.db",
        "b/.DS_Store",
        "b/desktop.ini",
      ],
    );
    const { labels, passedOver } = await openImageFolder(root);
    assert.equal(labels.length, read.length + 1);
    assert.deepEqual(
      passedOver,
      new Map([
        ["heic", 2],
        ["txt", 1],
        ["", 1],
      ]),
    );
    assert.equal(
      describePassedOver(passedOver as PassedOver),
      "passed over: 2 .heic, 1 without ending, 1 .txt (.heic: not read here; convert them, e.g. to JPEG or PNG)",
    );
  });
  it("orders classes by code point", async () => {
    const root = folder("\u{1F400}/a.jpg", "\uFF5A/a.jpg", "Z/a.jpg", "a/a.jpg", "é/a.jpg");
    assert.deepEqual((await openImageFolder(root)).classes, ["Z", "a", "é", "\uFF5A", "\u{1F400}"]);
  });
  it("follows links", async () => {
    const real = folder("some/1.jpg");
    const root = folder("b/1.jpg");
    symlinkSync(join(real, "some"), join(root, "a"));
    symlinkSync(join(real, "some/1.jpg"), join(root, "b/2.jpg"));
    assert.deepEqual(Array.from((await openImageFolder(root)).labels), [0, 1, 1]);
  });
  it("has links to nothing among its images, which are to be skipped as others that cannot be read", async () => {
    const root = folder("a/1.jpg", "b/1.jpg");
    symlinkSync(join(directory, "none.jpg"), join(root, "a/2.jpg"));
    const source = await openImageFolder(root);
    assert.deepEqual(Array.from(source.labels), [0, 0, 1]);
    assert.throws(() => new SampleReader().read(source.locate(1)), {
      name: "BadSampleError",
      message: /ENOENT.*a\/2\.jpg/,
    });
  });
  it("of another part has the labels of the training part", async () => {
    const { labels, classes } = await openImageFolder(folder("c/1.jpg", "a/1.jpg"), {
      classes: ["a", "b", "c"],
    });
    assert.deepEqual(
      [Array.from(labels), classes],
      [
        [0, 2],
        ["a", "b", "c"],
      ],
    );
  });
  it("can be split and cut", async () => {
    const source = await openImageFolder(
      folder(...[0, 1, 2, 3, 4, 5].flatMap((i) => [`a/${i}.jpg`, `b/${i}.jpg`])),
    );
    const { train, validation } = splitDataset(source, { share: 1 / 3, seed: 2 });
    assert.deepEqual(Array.from(validation.labels), [0, 0, 1, 1]);
    const names = [train, validation].flatMap(({ labels, locate }) =>
      Array.from(labels, (_, i) => locate(i).name),
    );
    assert.equal(new Set(names).size, 12);
    assert.equal(selectSamples(source, Int32Array.of(7, 2)).locate(1).name, source.locate(2).name);
  });
});

describe("opening an image folder refuses", () => {
  const cases: [what: string, root: string, message: RegExp][] = [
    ["a folder that is not there", join(directory, "none"), /cannot read .*none.*ENOENT/],
    ["an empty one", folder(), /holds no class folders but nothing/],
    ["images without class folders", folder("1.jpg"), /no class folders but only images: sort the images/],
    [
      "empty class folders, and names them",
      folder("a/1.jpg", "b/notes.txt", "c/d/.x.jpg"),
      /class folders without an image: b, c; fill or remove/,
    ],
    [
      "a class of images in formats that are not read, and says so",
      folder("a/1.jpg", "b/2.HEIC", "b/3.heic", "b/4.BMP"),
      /without an image: b; .* passed over: 2 \.heic, 1 \.bmp \(\.heic, \.bmp: not read here; convert them/,
    ],
  ];
  for (const [what, root, message] of cases)
    it(what, async () => {
      await assert.rejects(openImageFolder(root), { name: "PeaError", kind: "usage", message });
    });
  it("images of another part without class folders, which may have no labels", async () => {
    await assert.rejects(openImageFolder(folder("1.jpg"), { classes: ["a"] }), {
      kind: "usage",
      message: /only images: sort .* after it, or move it elsewhere where classes are not known$/,
    });
  });
  it("a link to nothing that may be a class, and names it", async () => {
    const root = folder("a/1.jpg", "b/1.jpg");
    symlinkSync(join(directory, "none"), join(root, "c"));
    await assert.rejects(openImageFolder(root), {
      kind: "usage",
      message: `cannot read ${root}: ${join(root, "c")} is a link to nothing; bring back what it leads to, or remove it`,
    });
  });
  it("classes that the training part does not know", async () => {
    const names = Array.from({ length: 7 }, (_, i) => `new${i}/1.jpg`);
    await assert.rejects(openImageFolder(folder("a/1.jpg", ...names), { classes: ["a"] }), {
      kind: "usage",
      message: /does not know: new0, new1, new2, new3, new4 and 2 more; the folders of both parts/,
    });
  });
});
