import assert from "node:assert/strict";
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { deflateSync, gzipSync } from "node:zlib";
import { FileWindow } from "../../../src/data/sources/file-window.ts";
import { tarMembers } from "../../../src/data/sources/tar.ts";
import { paxHeader, type TarFormat, tarArchive, tarEnd, tarMember } from "../../support/tar-archive.ts";

const directory = mkdtempSync(join(tmpdir(), "tar-"));
after(() => rmSync(directory, { recursive: true }));

let made = 0;
function write(...blocks: Uint8Array[]): string {
  const path = join(directory, `${made++}.tar`);
  writeFileSync(path, Buffer.concat(blocks));
  return path;
}

/** Names and contents of an archive's files, in order; of a link that leads out of it, what it points to. */
function read(path: string): [name: string, content: string][] {
  const file = new FileWindow(path);
  try {
    return Array.from(tarMembers(file), ({ name, data }) => [
      name,
      "linkTo" in data
        ? `link to ${data.linkTo}`
        : file.read(data.begin, data.end - data.begin).toString("latin1"),
    ]);
  } finally {
    file.close();
  }
}
const members = (...blocks: Uint8Array[]) => read(write(...blocks, tarEnd));

describe("the files of a tar archive are found as GNU tar writes it", () => {
  const deep = `${"folder/".repeat(20)}${"n".repeat(60)}.jpg`;
  for (const format of ["ustar", "pax", "gnu", "v7"] as TarFormat[])
    it(`in its format ${format}`, () => {
      const files = { "a.jpg": "image", "b/c.cls": "3", empty: "", "d.bin": "x".repeat(5000) };
      assert.deepEqual(members(tarArchive(files, format)), Object.entries(files));
    });
  for (const format of ["ustar", "pax", "gnu"] as TarFormat[])
    it(`with long names in its format ${format}`, () => {
      const files = { [deep]: "1", "short.jpg": "2" };
      assert.deepEqual(members(tarArchive(files, format)), Object.entries(files));
    });
  it("with names in any script", () => {
    assert.deepEqual(members(tarArchive({ "größe/鼠.jpg": "1" })), [["größe/鼠.jpg", "1"]]);
  });
});

describe("the header of a file in a tar archive", () => {
  it("may have its size in base 256", () => {
    const size = Buffer.alloc(12);
    size[0] = 0x80;
    size[11] = 3;
    assert.deepEqual(members(tarMember("a", "abc", { size }), tarMember("b", "1")), [
      ["a", "abc"],
      ["b", "1"],
    ]);
  });
  it("may keep the front of the name apart: 155 bytes in ustar, 131 in star, none in GNU's format", () => {
    const front = "f".repeat(131);
    const named = (...also: [number, string][]) => members(tarMember("name", "1", { also }))[0]?.[0];
    assert.equal(named([345, `${front}/and-more`]), `${front}/and-more/name`);
    assert.equal(named([345, front], [476, "00000000000\0"], [508, "tar\0"]), `${front}/name`);
    assert.equal(named([257, "ustar  \0"], [345, "00000000000\0"]), "name");
  });
  it("may have a checksum of signed bytes", () => {
    assert.deepEqual(members(tarMember("ä", "1", { hasSignedChecksum: true })), [["ä", "1"]]);
  });
  it("may have a name that is not UTF-8: it is Latin-1 then, and stays another than its like", () => {
    const header = (letter: number) => {
      const bytes = tarMember("?.jpg", "1");
      bytes[0] = letter;
      bytes.write(
        bytes
          .fill(" ", 148, 156)
          .subarray(0, 512)
          .reduce((a, b) => a + b)
          .toString(8)
          .padStart(6, "0"),
        148,
      );
      return bytes;
    };
    assert.deepEqual(
      members(header(0xe4), header(0xf6)).map(([name]) => name),
      ["ä.jpg", "ö.jpg"],
    );
  });
  it("says what is no file: folders, devices, labels of volumes, whatever size they claim", () => {
    const others = ["3", "4", "5", "6"].map((type) => tarMember("no-data", "", { type, size: 5000 }));
    const blocks = [
      ...others,
      tarMember("label", "text", { type: "V" }),
      tarMember("old-folder/", "", { type: "\0" }),
    ];
    assert.deepEqual(
      members(...blocks, tarMember("old", "1", { type: "\0" }), tarMember("tape", "2", { type: "7" })),
      [
        ["old", "1"],
        ["tape", "2"],
      ],
    );
  });
});

describe("an extended header of a tar archive", () => {
  const file = tarMember("short", "1");
  it("gives name and size to the next member alone", () => {
    const records: [string, string][] = [
      ["path", "long.jpg"],
      ["size", "3"],
    ];
    assert.deepEqual(members(paxHeader(records), tarMember("short", "abc", { size: 0 }), file), [
      ["long.jpg", "abc"],
      ["short", "1"],
    ]);
  });
  it("may be of any length and hold whatever a system tells of a file", () => {
    const attributes = ["SCHILY.xattr.com.apple.metadata", "LIBARCHIVE.xattr.user"].map(
      (key): [string, string] => [key, "x\n=".repeat(10_000)],
    );
    assert.deepEqual(members(paxHeader([...attributes, ["path", "long.jpg"]]), file), [["long.jpg", "1"]]);
  });
  it("is read by the lengths of its records: a value may look like one", () => {
    const comment: [string, string] = ["comment", "a\n15 path=other.b"];
    assert.deepEqual(members(paxHeader([["path", "right"], comment]), file), [["right", "1"]]);
  });
  it("may name a key twice, the last of which counts, or take it back", () => {
    const twice: [string, string][] = [
      ["path", "first"],
      ["path", "second"],
    ];
    assert.deepEqual(members(paxHeader(twice), file), [["second", "1"]]);
    assert.deepEqual(members(paxHeader([...twice, ["path", ""]]), file), [["short", "1"]]);
  });
  it("may be of all members from there on, each of which may have its own", () => {
    const common = paxHeader([["path", "common"]], "g");
    assert.deepEqual(members(file, common, file, paxHeader([["path", "own"]]), file, file), [
      ["short", "1"],
      ["common", "1"],
      ["own", "1"],
      ["common", "1"],
    ]);
  });
  it("may have the type that Sun gave it, and be filled up with zeros", () => {
    const text = Buffer.from("17 path=long.jpg\n\0\0\0\0");
    assert.deepEqual(members(tarMember("x", text, { type: "X" }), file), [["long.jpg", "1"]]);
  });
  it("of GNU's may hold names of any length, of members and of links", () => {
    const name = "n".repeat(20_000);
    const named = (type: string) => tarMember("././@LongLink", `${name}\0`, { type });
    assert.deepEqual(members(named("L"), file, named("K"), tarMember("link", "", { type: "1" })), [
      [name, "1"],
      ["link", "1"],
    ]);
  });
});

describe("a link in a tar archive", () => {
  const link = (name: string, target: string, type: string, content = "", size = content.length) =>
    tarMember(name, content, { type, target, size });
  it("stands for the file it points to, which may come later and be a link itself", () => {
    const blocks = [
      link("a/early", "../b/late", "2"),
      link("a/chain", "./early", "2"),
      tarMember("./b/late", "late"),
      link("hard", "b/late", "1"),
      link("soft", "a/../hard", "2"),
    ];
    assert.deepEqual(members(...blocks), [
      ["./b/late", "late"],
      ["hard", "late"],
      ["soft", "late"],
      ["a/early", "late"],
      ["a/chain", "late"],
    ]);
  });
  it("that leads out of the archive, or to itself, is told by its target", () => {
    const blocks = [
      link("a", "/etc/a", "2"),
      link("b", "../b", "2"),
      link("c", "d", "2"),
      link("d", "c", "2"),
    ];
    assert.deepEqual(members(...blocks), [
      ["a", "link to /etc/a"],
      ["b", "link to ../b"],
      ["c", "link to d"],
      ["d", "link to c"],
    ]);
  });
  it("claims the file's size with some writers, and brings its data with others", () => {
    const file = tarMember("file", "1");
    const after = tarMember("after", "2");
    for (const blocks of [[link("hard", "file", "1", "", 1000)], [link("hard", "file", "1", "1")]])
      assert.deepEqual(members(file, ...blocks, after), [
        ["file", "1"],
        ["hard", "1"],
        ["after", "2"],
      ]);
    assert.deepEqual(members(file, link("last", "file", "1", "", 1000)).at(-1), ["last", "1"]);
  });
});

describe("the end of a tar archive", () => {
  const file = (name: string) => tarMember(name, "1");
  const names = (...blocks: Uint8Array[]) => read(write(...blocks)).map(([name]) => name);
  it("may be two blocks of zeros, many, one or none", () => {
    for (const zeros of [1024, 10_240, 512, 700, 0])
      assert.deepEqual(names(file("a"), file("b"), Buffer.alloc(zeros)), ["a", "b"]);
  });
  it("may be in the last block's filling", () => {
    assert.deepEqual(names(file("a"), file("b").subarray(0, 513)), ["a", "b"]);
  });
  it("may be followed by another archive", () => {
    const first = tarArchive({ a: "1" });
    assert.deepEqual(names(first, tarArchive({ b: "1", c: "1" }), tarArchive({ d: "1" })), [
      "a",
      "b",
      "c",
      "d",
    ]);
  });
});

describe("reading a tar archive refuses", () => {
  const whole = Buffer.concat([tarMember("first", "x".repeat(3000)), tarMember("second", "y"), tarEnd]);
  const second = whole.indexOf("second");
  const damaged = Buffer.from(whole);
  damaged[second] = 0x58;
  const hole = Buffer.from(whole).fill(0, second, second + 512);
  const long = { type: "L", size: 2 ** 20 + 1 };
  const pax = (text: string) => [tarMember("x", text, { type: "x" }), tarMember("a", "1")];
  const isDamaged = /no tar header at byte 0: the file is damaged, or no tar archive/;
  const cases: [what: string, bytes: Uint8Array | Uint8Array[], message: RegExp][] = [
    ["an empty file", [], /is empty: it is damaged or incomplete; get it again/],
    [
      "one that ends within a file",
      whole.subarray(0, 2500),
      /ends within first: it is incomplete; get it again/,
    ],
    [
      "one that ends within a header",
      whole.subarray(0, second + 100),
      new RegExp(`ends at byte ${second + 100}: it is incomplete`),
    ],
    [
      "one that ends behind an extended header",
      [paxHeader([["path", "a"]]), tarEnd],
      /ends at byte 2048: it is incomplete/,
    ],
    ["a damaged header", damaged, new RegExp(`no tar header at byte ${second}: the file is damaged`)],
    [
      "a hole in place of a header",
      hole,
      new RegExp(
        `ends at byte ${second} by its own account, .*from ${second + 512} on.*unfinished download.*--size=${second + 512} `,
      ),
    ],
    [
      "something else behind the end",
      [whole, Buffer.from("signature")],
      /ends at byte 4608 by .*from 5632 on/,
    ],
    ["another format", Buffer.alloc(2048, "text"), isDamaged],
    ["a size that is no number", tarMember("a", "", { size: "0000000zzz\0" }), isDamaged],
    ["a negative size", tarMember("a", "", { size: Buffer.alloc(12, 0xff) }), isDamaged],
    ["a size beyond the file", tarMember("a", "", { size: 2 ** 32 }), /ends within a: it is incomplete/],
    [
      "an extended header beyond the file",
      tarMember("a", "", { size: 2 ** 32, type: "x" }),
      /ends within an extended header: it is incomplete/,
    ],
    ["a name beyond all reason", [tarMember("a", Buffer.alloc(2 ** 20 + 1, "n"), long), tarEnd], isDamaged],
    ["a record of an extended header that is none", pax("path=a\n"), isDamaged],
    ["a record that is longer than its header", pax("99 path=a\n"), isDamaged],
    ["a record that is shorter than its key", pax("3 path=a\n"), isDamaged],
    ["a record without its end", pax("9 path=ab"), isDamaged],
    ["an extended header's size that is no number", pax("11 size=-1\n"), isDamaged],
    [
      "a file of another volume's archive",
      tarMember("a", "1", { type: "M" }),
      /holds a as the rest of a file from another volume: pack it as one/,
    ],
    [
      "a sparse file of GNU's format",
      tarMember("a", "1", { type: "S" }),
      /holds a as a sparse file, whose holes are left out: pack it without --sparse/,
    ],
    [
      "a sparse file of the pax format",
      [paxHeader([["GNU.sparse.major", "1"]]), tarMember("a", "1")],
      /holds a as a sparse file/,
    ],
    [
      "a file compressed with gzip",
      gzipSync(whole),
      /compressed with gzip, but samples are read at random: unpack it, gzip -dc < \S+\.tar > NEW_FILE/,
    ],
    ["a file compressed with zlib", deflateSync(whole), /compressed with zlib.*python3 -c 'import sys, zlib/],
    ["a file compressed with bzip2", Buffer.from("BZh91AY&SY"), /compressed with bzip2.*bzip2 -dc/],
    ["a file compressed with xz", Buffer.from("\xfd7zXZ\0", "latin1"), /compressed with xz.*xz -dc/],
    [
      "a file compressed with Zstandard",
      Buffer.of(0x28, 0xb5, 0x2f, 0xfd),
      /compressed with Zstandard.*zstd -dc/,
    ],
  ];
  for (const [what, bytes, message] of cases)
    it(what, () => {
      const path = write(...[bytes].flat());
      assert.throws(
        () => read(path),
        (error: Error) =>
          error.name === "PeaError" && error.message.startsWith(path) && message.test(error.message),
      );
    });
  it("a name of gigabytes, without holding it in memory", () => {
    const path = write(tarMember("a", "", { type: "L", size: 3 * 2 ** 30 }));
    const file = openSync(path, "r+");
    ftruncateSync(file, 4 * 2 ** 30);
    closeSync(file);
    const before = process.memoryUsage().arrayBuffers;
    assert.throws(() => read(path), { name: "PeaError", message: isDamaged });
    assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 20);
  });
  it("no extended header of gigabytes that tells nothing of a name, without holding it in memory", () => {
    const length = 3 * 2 ** 30;
    const path = write(tarMember("a", "", { type: "x", size: length }));
    const file = openSync(path, "r+");
    const header = `${length} comment=`;
    writeSync(file, header, 512);
    writeSync(file, "\n", 512 + length - 1);
    writeSync(file, Buffer.concat([tarMember("short", "1"), tarEnd]), 0, 2048, 512 + length);
    closeSync(file);
    const before = process.memoryUsage().arrayBuffers;
    assert.deepEqual(read(path), [["short", "1"]]);
    assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 20);
  });
});
