import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { PeaError } from "@pea/core";
import { readIdx } from "../../../src/data/sources/idx.ts";
import { idxBytes } from "./idx-file.ts";

const directory = mkdtempSync(join(tmpdir(), "idx-"));
after(() => rmSync(directory, { recursive: true }));
const path = join(directory, "images");

function read(bytes: Uint8Array, dimensions = 3) {
  writeFileSync(path, bytes);
  return readIdx(path, dimensions);
}

const data = Uint8Array.from({ length: 12 }, (_, i) => 20 * i);
const images = idxBytes([2, 3, 2], data);

describe("an IDX file", () => {
  it("is read plain", () => {
    const { shape, data: pixels } = read(images);
    assert.deepEqual(shape, [2, 3, 2]);
    assert.deepEqual(Uint8Array.from(pixels), data);
  });
  it("is read compressed, whatever its name", () => {
    assert.deepEqual(Uint8Array.from(read(gzipSync(images)).data), data);
  });
  it("may hold nothing", () => assert.deepEqual(read(idxBytes([0], new Uint8Array(0)), 1).shape, [0]));
});

describe("reading an IDX file refuses", () => {
  const cases: [what: string, bytes: Uint8Array, message: RegExp][] = [
    ["an empty file", Buffer.alloc(0), /has 0 bytes; an IDX file of 3 dimensions has a header of 16/],
    ["a file without a whole header", images.subarray(0, 15), /has 15 bytes/],
    [
      "another format",
      Buffer.from("\x89PNG and some more bytes"),
      /starts with 0x.* instead of 0x00000803: it is not an IDX file/,
    ],
    [
      "labels in the place of images",
      idxBytes([20], new Uint8Array(20)),
      /starts with 0x00000801 instead of 0x00000803/,
    ],
    ["numbers that are not unsigned bytes", idxBytes([2, 3, 2], data, 0x0d03), /starts with 0x00000d03/],
    [
      "truncated data",
      images.subarray(0, -1),
      /claims 2 × 3 × 2 = 12 bytes of data but holds 11; it is damaged/,
    ],
    ["bytes behind the data", Buffer.concat([images, data]), /claims .* = 12 .* but holds 24/],
    ["sizes far beyond the file", idxBytes([2 ** 32 - 1, 2 ** 32 - 1, 2], data), /but holds 12/],
    [
      "a truncated gzip file",
      gzipSync(images).subarray(0, -9),
      /cannot be unpacked \(unexpected end of file\); it is damaged/,
    ],
    ["a damaged gzip file", gzipSync(images).fill(0xff, 12, 16), /cannot be unpacked/],
  ];
  for (const [what, bytes, message] of cases)
    it(what, () => {
      assert.throws(
        () => read(bytes),
        (error: Error) =>
          error instanceof PeaError && error.message.includes(path) && message.test(error.message),
      );
    });

  it("a missing file", () => {
    assert.throws(() => readIdx(join(directory, "none"), 1), {
      name: "PeaError",
      message: /cannot read .*none.*ENOENT/,
    });
  });
});
