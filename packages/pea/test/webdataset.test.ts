import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { FileWindow } from "../src/data/sources/file-window.ts";
import { tarMembers } from "../src/data/sources/tar.ts";
import { openWebDataset } from "../src/data/sources/webdataset.ts";
import { SampleReader } from "../src/data/streaming/sample-reader.ts";
import { type TarFormat, tarArchive, tarEnd, tarMember } from "./support/tar-archive.ts";

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

/** Names and contents of an archive's members. */
function members(bytes: Buffer): Record<string, string> {
  const file = new FileWindow(write(bytes));
  try {
    return Object.fromEntries(
      Array.from(tarMembers(file), ({ name, data }) => [
        name,
        bytes.toString("latin1", data.begin, data.end),
      ]),
    );
  } finally {
    file.close();
  }
}

const deep = `${"folder/".repeat(20)}${"n".repeat(60)}.jpg`;

describe("the members of a tar archive", () => {
  for (const format of ["ustar", "pax", "gnu", "v7"] as TarFormat[])
    it(`are found as GNU tar writes it (${format})`, () => {
      const files: Record<string, string> = {
        "a.jpg": "image",
        "b/c.cls": "3",
        empty: "",
        "d.bin": "x".repeat(5000),
      };
      assert.deepEqual(members(tarArchive(files, format)), files);
    });
  for (const format of ["ustar", "pax", "gnu"] as TarFormat[])
    it(`have their long names (${format})`, () => {
      assert.deepEqual(members(tarArchive({ [deep]: "1", "short.jpg": "2" }, format)), {
        [deep]: "1",
        "short.jpg": "2",
      });
    });
  it("have names in any script", () => {
    assert.deepEqual(members(tarArchive({ "größe/鼠.jpg": "1" })), { "größe/鼠.jpg": "1" });
  });
  it("may have their size in base 256 or in an extended header", () => {
    const field = Buffer.alloc(12);
    field[0] = 0x80;
    field[11] = 3;
    const inHeader = (text: string) => tarMember("x", Buffer.from(text), { type: "x" });
    const wrong = { sizeField: "00000000000\0" };
    const bytes = [
      tarMember("base", Buffer.from("abc"), { sizeField: field }),
      inHeader("10 size=3\n15 path=other.b\n"),
      tarMember("pax", Buffer.from("def"), wrong),
      tarMember("plain", Buffer.from("g")),
      tarEnd,
    ];
    assert.deepEqual(members(Buffer.concat(bytes)), { base: "abc", "other.b": "def", plain: "g" });
  });
  it("are regular files alone", () => {
    const none = Buffer.alloc(0);
    const bytes = [
      tarMember("folder/", none, { type: "5" }),
      tarMember("link", none, { type: "2" }),
      tarMember("all", Buffer.from("15 comment=hello\n"), { type: "g" }),
      tarMember("old", Buffer.from("1"), { type: "\0" }),
      tarEnd,
    ];
    assert.deepEqual(members(Buffer.concat(bytes)), { old: "1" });
  });
});

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
  it("counts in the classes of the training part", async () => {
    const path = write(tarArchive({ "1.jpg": "", "1.cls": "1" }));
    assert.deepEqual((await openWebDataset([path], { classes: ["a", "b"] })).classes, ["a", "b"]);
  });
});

describe("opening a WebDataset refuses", () => {
  const whole = tarArchive({ "1.cls": "0", "1.jpg": "x".repeat(3000), "2.cls": "0", "2.jpg": "y" }, "ustar");
  const last = whole.indexOf("2.jpg");
  const damaged = Buffer.from(whole);
  damaged[last] = 0x58;
  const cases: [what: string, bytes: Uint8Array, message: RegExp][] = [
    ["an empty file", Buffer.alloc(0), /ends at byte 0, without the end of a tar archive: it is incomplete/],
    ["an archive without a sample", tarArchive({ readme: "" }), /holds no sample/],
    [
      "one that ends within a member",
      whole.subarray(0, 2500),
      /ends within 1\.jpg, without the end of a tar archive/,
    ],
    [
      "one that ends within a header",
      whole.subarray(0, last + 100),
      /ends at byte \d+, .*incomplete; get it again/,
    ],
    ["one that ends between two members", whole.subarray(0, last), /ends at byte \d+, .*incomplete/],
    ["one that ends within its end", whole.subarray(0, last + 1024 + 512), /ends at byte \d+, .*incomplete/],
    ["a damaged header", damaged, /no tar header at byte \d+: the file is damaged/],
    ["another format", Buffer.alloc(2048, "text"), /no tar header at byte 0: .* no tar archive/],
    ["a compressed archive", Buffer.concat([gzipSync(whole), tarEnd]), /compressed with gzip.*unpack it/],
    [
      "a size that is no number",
      Buffer.concat([tarMember("a", Buffer.alloc(0), { sizeField: "0000000zzz\0" }), tarEnd]),
      /no tar header at byte 0/,
    ],
    [
      "an endless name",
      Buffer.concat([tarMember("a", Buffer.alloc(5000, "n"), { type: "L" }), tarEnd]),
      /no tar header at byte 0: the file is damaged/,
    ],
    [
      "a sample without an image",
      tarArchive({ "k.cls": "0", "k.txt": "" }),
      /k has no image: its files end in cls, txt/,
    ],
    ["a sample without a label", tarArchive({ "k.jpg": "" }), /k has no label: a file k\.cls/],
    [
      "a label that is no number",
      tarArchive({ "k.cls": "cat", "k.jpg": "" }),
      /k\.cls holds "cat", but must hold/,
    ],
    ["a negative label", tarArchive({ "k.cls": "-1", "k.jpg": "" }), /k\.cls holds "-1"/],
    ["an empty label", tarArchive({ "k.cls": "", "k.jpg": "" }), /k\.cls holds ""/],
    [
      "two files with one ending in a sample",
      Buffer.concat([...["k.jpg", "k.JPG"].map((name) => tarMember(name, Buffer.alloc(0))), tarEnd]),
      /k has two files that end in jpg/,
    ],
    [
      "labels from 1",
      tarArchive({ "k.cls": "1", "k.jpg": "" }),
      /no sample of the training part has the label 0 .*classes\.txt/,
    ],
  ];
  for (const [what, bytes, message] of cases)
    it(what, async () => {
      const path = write(bytes);
      await assert.rejects(openWebDataset([path]), (error: Error) => {
        assert.equal(error.name, "PeaError", error.stack);
        assert.match(error.message, message);
        assert.ok(error.message.includes(path) || what === "labels from 1");
        return true;
      });
    });
  it("a label beyond the classes", async () => {
    const path = write(tarArchive({ "k.cls": "2", "k.jpg": "" }));
    await assert.rejects(openWebDataset([path], { classes: ["a", "b"] }), {
      kind: "usage",
      message: /k has the label 2 \(counted from 0\), but there are 2 classes/,
    });
  });
});
