import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { openWebDataset } from "../../../src/data/formats/webdataset.ts";
import { SampleReader } from "../../../src/data/loading/sample-reader.ts";
import type { OpenOptions, SampleSource } from "../../../src/data/sources/sample-source.ts";
import { tarArchive, tarEnd, tarMember } from "../../support/tar-archive.ts";

const directory = mkdtempSync(join(tmpdir(), "webdataset-"));
const reader = new SampleReader();
after(() => {
  reader.close();
  rmSync(directory, { recursive: true });
});

let made = 0;
function write(bytes: Uint8Array): string {
  const path = join(directory, `train-${made++}.tar`);
  writeFileSync(path, bytes);
  return path;
}

/** Opens one archive of these files, in this order. */
const open = (files: Record<string, Uint8Array | string>, options: OpenOptions = {}) =>
  openWebDataset([write(tarArchive(files))], options);
/** The samples as `image label`, the label by the name of its class. */
const told = ({ labels, classes, locate }: SampleSource) =>
  Array.from(labels, (label, i) => `${Buffer.from(reader.read(locate(i)))} ${classes[label]}`);

describe("a WebDataset", () => {
  it("has a sample for each run of files with one key, from all archives in order", async () => {
    const first = tarArchive({
      __meta__: "x",
      "0001.jpg": "first",
      "0001.cls": "1",
      "0001.json": "{}",
      readme: "no extension",
      "a.b/0002.seg.png": "mask",
      "a.b/0002.CLS": " 0\n",
      "a.b/0002.PNG": "second",
    });
    const second = tarArchive({ "0001.cls": "2", "0001.jpeg": "third" });
    const source = await openWebDataset([write(first), write(second)]);
    assert.deepEqual(
      [Array.from(source.labels), source.classes],
      [
        [1, 0, 2],
        ["0", "1", "2"],
      ],
    );
    const read = (i: number) => Buffer.from(reader.read(source.locate(i))).toString();
    assert.deepEqual([read(0), read(1), read(2)], ["first", "second", "third"]);
    assert.match(source.locate(1).name, /train-\d+\.tar, a\.b\/0002$/);
    assert.equal(source.nameOf(1), "a.b/0002");
  });
  it("may have the files of a sample apart, as packed unsorted: samples are in the order of their first files", async () => {
    const files = {
      "2.cls": "1",
      "1.cls": "0",
      "2.jpg": "two",
      "1.json": "{}",
      "1.jpg": "one",
      "2.json": "{}",
    };
    assert.deepEqual(told(await open(files)), ["two 1", "one 0"]);
  });
  it("may be of archives joined end to end, each of which counts its samples anew", async () => {
    const archive = (...words: string[]) =>
      tarArchive(
        Object.fromEntries(
          words.flatMap((word, i) => [
            [`${i}.cls`, `${i}`],
            [`${i}.jpg`, word],
          ]),
        ),
      );
    const path = write(Buffer.concat([archive("a", "b"), archive("c", "d", "e")]));
    assert.deepEqual(told(await openWebDataset([path])), ["a 0", "b 1", "c 0", "d 1", "e 2"]);
  });
  it("reads files that were packed as links to others", async () => {
    const link = (name: string, target: string) => tarMember(name, "", { type: "1", target });
    const path = write(
      Buffer.concat([
        tarMember("1.cls", "0"),
        tarMember("1.jpg", "image"),
        link("2.cls", "1.cls"),
        link("2.jpg", "1.jpg"),
        tarEnd,
      ]),
    );
    assert.deepEqual(told(await openWebDataset([path])), ["image 0", "image 0"]);
  });
  it("passes over what Macs and old versions of tar leave beside the files", async () => {
    const files = {
      "a/._1.jpg": "attributes",
      ".DS_Store": "view",
      "__MACOSX/a/1.jpg": "attributes",
      "PaxHeaders.7/1.jpg": "17 path=a/1.jpg\n",
      "a/PaxHeader/1.jpg": "17 path=a/1.jpg\n",
      "a/__meta__.json": "{}",
      "a/1.jpg": "image",
      "a/1.cls": "0",
    };
    assert.deepEqual(told(await open(files)), ["image 0"]);
  });
  it("takes the image that is named by its kind alone, or else the only one there is", async () => {
    const files = {
      "1.mask.png": "mask",
      "1.png": "image",
      "1.cls": "0",
      "2.input.jpg": "input",
      "2.cls": "0",
    };
    assert.deepEqual(told(await open(files)), ["image 0", "input 0"]);
  });
  it("counts in the classes of the training part", async () => {
    const path = write(tarArchive({ "1.jpg": "", "1.cls": "1" }));
    assert.deepEqual((await openWebDataset([path], { classes: ["a", "b"] })).classes, ["a", "b"]);
  });
});

describe("the label of a sample in a WebDataset", () => {
  it("may count from 1, if one says so", async () => {
    const files = { "1.cls": "2", "1.jpg": "a", "2.cls": "1", "2.jpg": "b" };
    assert.deepEqual([...(await open(files, { labelBase: 1 })).labels], [1, 0]);
  });
  it("may be the name of a class: those of the training part are put in the order of their code points", async () => {
    const files = {
      "1.cls": "zebra\n",
      "1.jpg": "a",
      "2.cls": "ant",
      "2.jpg": "b",
      "3.cls": "Zebra",
      "3.jpg": "c",
    };
    const source = await open(files);
    assert.deepEqual(source.classes, ["Zebra", "ant", "zebra"]);
    assert.deepEqual(told(source), ["a zebra", "b ant", "c Zebra"]);
    const other = await open({ "1.cls": "ant", "1.jpg": "d" }, { classes: source.classes });
    assert.deepEqual([...other.labels], [1]);
  });
  it("may be the entry label of a JSON object, a number or a name, where there is no .cls", async () => {
    const files = {
      "1.json": '{"label": 1, "width": 5}',
      "1.jpg": "a",
      "2.json": '{"label": "0"}',
      "2.jpg": "b",
      "3.jpg": "c",
      "3.json": '{"label": 0}',
      "3.cls": "1",
    };
    assert.deepEqual(told(await open(files)), ["a 1", "b 0", "c 1"]);
    assert.deepEqual((await open({ "1.json": '{"label": "cat"}', "1.jpg": "" })).classes, ["cat"]);
  });
  it("may be a text where the classes are listed, of which it must be one", async () => {
    const files = { "1.txt": "dog", "1.jpg": "a" };
    assert.deepEqual(told(await open(files, { classes: ["cat", "dog"] })), ["a dog"]);
    await assert.rejects(open({ "1.txt": "a photo of a dog", "1.jpg": "" }, { classes: ["cat", "dog"] }), {
      kind: "usage",
      message: /1 has the label "a photo of a dog", but the classes are cat, dog$/,
    });
  });
});

describe("opening a WebDataset refuses", () => {
  const cases: [what: string, files: Record<string, string>, message: RegExp][] = [
    [
      "an archive without a sample",
      { readme: "" },
      /holds no sample: get it again, or, .*--on-missing-shard skip/,
    ],
    ["a sample without an image", { "k.cls": "0", "k.txt": "" }, /k has no image: its files end in cls, txt/],
    [
      "a sample with several images",
      { "k.left.jpg": "", "k.right.jpg": "", "k.cls": "0" },
      /k has several images, left\.jpg, right\.jpg, and none is k\.jpg or the like: .*before the first dot/,
    ],
    [
      "a sample without a label",
      { "k.jpg": "" },
      /k has no label: a file k\.cls with the number .*from 0, or its name/,
    ],
    [
      "a sample with a text, where no classes are listed",
      { "k.jpg": "", "k.txt": "cat" },
      /k has no label: .*What k\.txt holds is taken for it where a file classes\.txt/,
    ],
    ["a JSON object that does not tell", { "k.jpg": "", "k.json": '{"label": [1]}' }, /k has no label/],
    ["JSON that is none", { "k.jpg": "", "k.json": "{" }, /k has no label/],
    ["a negative label", { "k.cls": "-1", "k.jpg": "" }, /the label in k\.cls is "-1", but must be/],
    ["an empty label", { "k.cls": "", "k.jpg": "" }, /the label in k\.cls is ""/],
    ["a fraction", { "k.cls": "1.5", "k.jpg": "" }, /the label in k\.cls is "1\.5"/],
    [
      "a label of a thousand letters",
      { "k.cls": "x".repeat(1000), "k.jpg": "" },
      /the label in k\.cls is "xxx/,
    ],
    [
      "numbers and names",
      { "j.cls": "0", "j.jpg": "", "k.cls": "cat", "k.jpg": "" },
      /j has the label 0, but .*k has the label "cat": label all samples by numbers, or all by names/,
    ],
    [
      "labels from 1, unless told",
      { "k.cls": "1", "k.jpg": "" },
      /no sample of the training part has the label 0 .*If the labels count from 1, set labelBase to 1.*classes\.txt/,
    ],
    [
      "labels with a gap",
      { "j.cls": "0", "j.jpg": "", "k.cls": "2", "k.jpg": "" },
      /no sample of the training part has the label 1 \(they count from 0\), but some have greater ones\. If the labels are right/,
    ],
  ];
  for (const [what, files, message] of cases)
    it(what, async () => {
      const path = write(tarArchive(files));
      await assert.rejects(openWebDataset([path]), (error: Error) => {
        assert.equal(error.name, "PeaError", error.stack);
        assert.match(error.message, message);
        assert.ok(error.message.includes(path) || what.startsWith("labels "));
        return true;
      });
    });
  it("a damaged archive, by its name", async () => {
    const path = write(Buffer.alloc(2048, "text"));
    await assert.rejects(openWebDataset([path]), { message: /train-\d+\.tar has no tar header at byte 0/ });
  });
  it("two files with one ending in a sample", async () => {
    const path = write(Buffer.concat([...["k.jpg", "k.JPG"].map((name) => tarMember(name)), tarEnd]));
    await assert.rejects(openWebDataset([path]), { message: /k has two files that end in jpg/ });
  });
  it("a link to what the archive does not hold", async () => {
    const path = write(Buffer.concat([tarMember("k.jpg", "", { type: "2", target: "../blobs/1" }), tarEnd]));
    await assert.rejects(openWebDataset([path]), {
      kind: "usage",
      message:
        /k\.jpg is a link to \.\.\/blobs\/1, which the archive does not hold: pack the file itself, .*--dereference/,
    });
  });
  it("a label 0 where labels count from 1", async () => {
    await assert.rejects(open({ "k.cls": "0", "k.jpg": "" }, { labelBase: 1 }), {
      message: /k\.cls is "0", but must be the number of a class, from 1, .*set labelBase to 0/,
    });
  });
  it("a label beyond the classes", async () => {
    const classes = ["a", "b"];
    await assert.rejects(open({ "k.cls": "3", "k.jpg": "" }, { classes }), {
      kind: "usage",
      message: /k has the label 3, the first being 0, but there are 2 classes$/,
    });
    await assert.rejects(open({ "k.cls": "2", "k.jpg": "" }, { classes }), {
      message: /has the label 2, .*2 classes; if the labels count from 1, set labelBase to 1/,
    });
  });
});
