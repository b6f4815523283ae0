import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { maskedCrc32c } from "../../../src/common/tfrecord-framing.ts";
import { isTfRecordName, openTfRecords } from "../../../src/data/formats/tfrecord.ts";
import { SampleReader } from "../../../src/data/loading/sample-reader.ts";
import type { OpenOptions, SampleSource } from "../../../src/data/sources/sample-source.ts";
import { BadSampleError } from "../../../src/images/bad-sample.ts";
import {
  encodeExample,
  encodeUnpacked,
  type FeatureValue,
  imagenetExample,
  tfRecords,
} from "../../support/tf-examples.ts";

const directory = mkdtempSync(join(tmpdir(), "tfrecord-images-"));
const reader = new SampleReader();
after(() => {
  reader.close();
  rmSync(directory, { recursive: true });
});

let made = 0;
function write(bytes: Uint8Array): string {
  const path = join(directory, `train-${made++}`);
  writeFileSync(path, bytes);
  return path;
}
const open = (...files: Uint8Array[]) => openTfRecords(files.map(write));
/** Bytes that tell which image they are, longer than what is read at once. */
const image = (value: number, length = 10_000) => new Uint8Array(length).fill(value);

describe("TFRecords of ImageNet", () => {
  it("give images, labels from 0 and the names of classes, from all files in order", async () => {
    const source = await open(
      tfRecords([imagenetExample(image(1), 2, "n02"), imagenetExample(image(2), 1, "n01")]),
      tfRecords([imagenetExample(image(3, 3), 3, "n03")]),
    );
    assert.deepEqual(Array.from(source.labels), [1, 0, 2]);
    assert.deepEqual(source.classes, ["n01", "n02", "n03"]);
    const images = [0, 1, 2].map((i) => Uint8Array.from(reader.read(source.locate(i))));
    assert.deepEqual(images, [image(1), image(2), image(3, 3)]);
    assert.match(source.locate(1).name, /train-\d+, record 1$/);
    assert.match(source.locate(2).name, /train-\d+, record 0$/);
  });
  it("are named by what they hold, in whatever file and place they lie", async () => {
    const [one, two, three] = [1, 2, 3].map((value) => imagenetExample(image(value), 1)) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    const names = ({ labels, nameOf }: SampleSource) => Array.from(labels, (_, index) => nameOf(index));
    const [first, second, third] = names(await open(tfRecords([one, two, three])));
    assert.equal(new Set([first, second, third]).size, 3);
    assert.deepEqual(names(await open(tfRecords([three]), tfRecords([one, two]))), [third, first, second]);
  });
  it("count in the classes of the training part", async () => {
    const path = write(tfRecords([imagenetExample(image(1), 2)]));
    const source = await openTfRecords([path], { classes: ["x", "y", "z"] });
    assert.deepEqual([Array.from(source.labels), source.classes], [[1], ["x", "y", "z"]]);
  });
});

describe("an example is read", () => {
  const labelled: [key: string, value: FeatureValue][] = [
    ["image/encoded", image(7)],
    ["image/class/label", 1],
  ];
  const cases: [what: string, example: Uint8Array, classes: string[]][] = [
    ["with the label behind the image", encodeExample(labelled), ["0"]],
    ["with the label before the image", encodeExample(labelled.toReversed()), ["0"]],
    [
      "with a label that is not packed",
      Buffer.concat([encodeExample(labelled.slice(0, 1)), encodeUnpacked("image/class/label", 1)]),
      ["0"],
    ],
    [
      "by the last of two features with the same key",
      encodeExample([["image/class/label", 9], ["image/encoded", image(8)], ...labelled]),
      ["0"],
    ],
    [
      "as TensorFlow Datasets writes it, with labels from 0",
      encodeExample([
        ["file_name", "a.jpg"],
        ["image", image(7)],
        ["label", 0],
      ]),
      ["0"],
    ],
  ];
  for (const [what, example, classes] of cases)
    it(what, async () => {
      const source = await open(tfRecords([example]));
      assert.deepEqual([Array.from(source.labels), source.classes], [[0], classes]);
      assert.deepEqual(Uint8Array.from(reader.read(source.locate(0))), image(7));
    });
});

describe("the label of an example", () => {
  const labelled = (label: FeatureValue, more: [string, FeatureValue][] = [], key = "image/class/label") =>
    encodeExample([["image/encoded", image(7)], [key, label], ...more]);
  const classesOf = async (examples: Uint8Array[], options: OpenOptions = {}) => {
    const { labels, classes } = await openTfRecords([write(tfRecords(examples))], options);
    return [Array.from(labels), classes];
  };
  it("may count from 0 in the layout of TF-Slim, and from 1 in others, if one says so", async () => {
    assert.deepEqual(await classesOf([labelled(1), labelled(0)], { labelBase: 0 }), [
      [1, 0],
      ["0", "1"],
    ]);
    assert.deepEqual(
      await classesOf([labelled(2, [], "label"), labelled(1, [], "label")], { labelBase: 1 }),
      [
        [1, 0],
        ["0", "1"],
      ],
    );
  });
  it("may be the class beside a label in words, as in the flowers of TensorFlow's tutorials", async () => {
    const flower = (number: number, name: string) =>
      encodeExample([
        ["image", image(7)],
        ["class", number],
        ["label", name],
        ["one_hot_class", [0, 1]],
      ]);
    assert.deepEqual(await classesOf([flower(1, "tulips"), flower(0, "roses")]), [
      [1, 0],
      ["roses", "tulips"],
    ]);
  });
  it("has the name that the example tells: the synset, or else the text", async () => {
    const text = (words: string): [string, FeatureValue] => ["image/class/text", words];
    const crane = (label: number) => labelled(label, [text("crane")]);
    assert.deepEqual((await classesOf([labelled(1, [text("cat"), ["image/class/synset", "n1"]])]))[1], [
      "n1",
    ]);
    assert.deepEqual((await classesOf([labelled(1, [text("cat")])]))[1], ["cat"]);
    // Two classes of ImageNet have one name.
    assert.deepEqual((await classesOf([crane(1), crane(2)]))[1], ["crane (0)", "crane (1)"]);
  });
  it("may be the name alone", async () => {
    const named = (key: string) => ["dog", "cat"].map((name) => labelled(name, [], key));
    for (const key of ["image/class/text", "label", "image/class/label"])
      assert.deepEqual(await classesOf(named(key)), [
        [1, 0],
        ["cat", "dog"],
      ]);
    assert.deepEqual(await classesOf([labelled("dog")], { classes: ["ant", "dog"] }), [[1], ["ant", "dog"]]);
  });
});

describe("opening TFRecords refuses", () => {
  const good = imagenetExample(image(1), 1);
  const file = tfRecords([good, good]);
  const second = file.length / 2;
  const damaged = (at: number) => {
    const bytes = Buffer.from(file);
    bytes[at] = (bytes[at] as number) ^ 1;
    return bytes;
  };
  const severalLabels = /its "label" holds several integers, but an image has one label here/;
  const only = (...features: [string, FeatureValue][]) => tfRecords([encodeExample(features)]);
  const cases: [what: string, bytes: Uint8Array, message: RegExp][] = [
    ["an empty file", Buffer.alloc(0), /is empty: get it again, or, .*--on-missing-shard skip/],
    ["a damaged length", damaged(second), /record 1 at byte \d+: the checksum of its length is wrong/],
    ["a damaged checksum of a length", damaged(9), /record 0 at byte 0: the checksum of its length is wrong/],
    ["another format", Buffer.from("this is no file of records"), /or holds no TFRecords/],
    [
      "a compressed file",
      gzipSync(file),
      /compressed with gzip, but samples are read at random: unpack it, gzip -dc < .*train-\d+ > NEW_FILE/,
    ],
    [
      "a file that ends within a record",
      file.subarray(0, -1),
      /record 1 at byte \d+: the file ends within it/,
    ],
    [
      "a file that ends within a header",
      file.subarray(0, second + 11),
      /record 1 at byte \d+: the file ends within its header: it is damaged or incomplete; get it again/,
    ],
    ["a length beyond all reason", hugeRecord(), /it claims 1099511627776 bytes of data/],
    [
      "records of something else",
      tfRecords([Buffer.from("text")]),
      /record 0 at byte 0: it is no tf\.train\.Example/,
    ],
    ["an empty example", tfRecords([new Uint8Array(0)]), /no labelled image: it must have the features/],
    ["an example without a label", only(["image/encoded", image(1)]), /must have .*"image\/class\/label"/],
    [
      "a label from 0 where they begin at 1",
      only(["image/encoded", image(1)], ["image/class/label", 0]),
      /its "image\/class\/label" is 0, but labels run from 1 .*TF-Slim's layout counts from 1 and keeps 0 for the background; if these labels count from 0, set labelBase to 0 \(--label-base 0\)/,
    ],
    [
      "a negative label",
      only(["image", image(1)], ["label", -1]),
      /its "label" is -1, but labels run from 0/,
    ],
    [
      "a label that is a fraction",
      only(["image", image(1)], ["label", [0.5, 1.5]]),
      /no labelled image: .*It has image, label$/,
    ],
    [
      "no label at all",
      only(["image", image(1)], ["label", new BigInt64Array()]),
      /its "label" holds no integer/,
    ],
    ["several labels", only(["image", image(1)], ["label", new BigInt64Array([0n, 1n])]), severalLabels],
    [
      "several labels that are not packed",
      tfRecords([Buffer.concat([encodeExample([["image", image(1)]]), encodeUnpacked("label", 0, 1)])]),
      severalLabels,
    ],
    [
      "a text that is no name",
      only(["image", image(1)], ["label", "-"]),
      /its "label" is "-", but must be the number/,
    ],
    [
      "records of other tasks, by what they hold",
      only(["image", image(1)], ["objects", new BigInt64Array([1n])]),
      /it is no labelled image: .*\. It has image$/,
    ],
    [
      "labels with a gap",
      tfRecords([good, imagenetExample(image(1), 3)]),
      /no sample of the training part has the label 2 \(they count from 1\), .*classes\.txt/,
    ],
    [
      "labels whose first has no sample",
      only(["image", image(1)], ["label", 1]),
      /no sample of the training part has the label 0 .*If the labels count from 1, set labelBase to 1 \(--label-base 1\)/,
    ],
  ];
  for (const [what, bytes, message] of cases)
    it(what, async () => {
      const path = write(bytes);
      await assert.rejects(openTfRecords([path]), (error: Error) => {
        assert.equal(error.name, "PeaError");
        assert.match(error.message, message);
        assert.ok(error.message.includes(path) || /^labels/.test(what), error.message);
        return true;
      });
    });
  it("a label beyond the classes", async () => {
    const path = write(tfRecords([good, imagenetExample(image(1), 3)]));
    await assert.rejects(openTfRecords([path], { classes: ["a", "b"] }), {
      kind: "usage",
      message: /record 1 has the label 3, the first being 1, but there are 2 classes$/,
    });
  });
  it("a file that is not there", async () => {
    await assert.rejects(openTfRecords([join(directory, "none")]), {
      kind: "usage",
      message: /cannot read .*ENOENT/,
    });
  });
  it("whatever bytes an example is replaced by, with an error that names it", async () => {
    let word = 1;
    const random = () => {
      word = (Math.imul(word, 1664525) + 1013904223) >>> 0;
      return word;
    };
    let refused = 0;
    for (let trial = 0; trial < 500; trial++) {
      const bytes = Buffer.from(imagenetExample(image(1, 40), 1));
      for (let change = 0; change < 3; change++) bytes[random() % bytes.length] = random() >>> 24;
      const path = write(tfRecords([bytes]));
      const opened = openTfRecords([path], { classes: ["a"] });
      await opened.catch((error: Error) => {
        assert.equal(error.name, "PeaError", error.stack);
        assert.ok(error.message.includes(path));
        refused++;
      });
    }
    assert.ok(refused > 50, `${refused}`);
  });
});

describe("reading a sample of TFRecords refuses", () => {
  it("a record whose data do not have the checksum behind them", async () => {
    const bytes = tfRecords([imagenetExample(image(1), 1), imagenetExample(image(2), 1)]);
    bytes[bytes.length - 6_000] = 99;
    const source = await openTfRecords([write(bytes)]);
    assert.deepEqual(Uint8Array.from(reader.read(source.locate(0))), image(1));
    assert.throws(
      () => reader.read(source.locate(1)),
      (error) => error instanceof BadSampleError && /checksum of its data is wrong/.test(error.message),
    );
  });
  it("a file that has become shorter", async () => {
    const bytes = tfRecords([imagenetExample(image(1), 1)]);
    const path = write(bytes);
    const source = await openTfRecords([path]);
    writeFileSync(path, bytes.subarray(0, 100));
    assert.throws(() => reader.read(source.locate(0)), { message: /has become shorter/ });
  });
});

it("files of TFRecords are known by their names", () => {
  for (const name of [
    "train-00000-of-01024",
    "x-val.tfrecord-00001-of-00002",
    "train.tfrecord",
    "a.tfrecords",
    "A.TFRECORD",
  ])
    assert.ok(isTfRecordName(name), name);
  for (const name of ["train.tar", "train-1-of-2", "notes.txt"]) assert.ok(!isTfRecordName(name), name);
});

/** A header whose checksum is right. */
function hugeRecord(): Buffer {
  const header = Buffer.alloc(100);
  header.writeBigUInt64LE(2n ** 40n);
  header.writeUInt32LE(maskedCrc32c(header.subarray(0, 8)), 8);
  return header;
}
