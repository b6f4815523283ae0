import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { crc32c, encodeRecord, maskedCrc32c } from "../../src/common/tfrecord-framing.ts";
import { native } from "../../src/images/native.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

describe("TFRecord (oracles of spec recipes 6.4)", () => {
  it("has the CRC-32C of the check string and of nothing", () => {
    assert.equal(crc32c(Buffer.from("123456789")), 0xe3069283);
    assert.equal(crc32c(new Uint8Array(0)), 0);
  });
  it("has the same CRC-32C by eight bytes at a time, for any length", () => {
    assert.equal(native().crc32c(Buffer.from("123456789")), 0xe3069283);
    const bytes = Uint8Array.from({ length: 64 }, (_, i) => (i * 97 + 200) % 256);
    for (let begin = 0; begin < 9; begin++)
      for (let end = begin; end <= bytes.length; end++)
        assert.equal(native().crc32c(bytes.subarray(begin, end)), crc32c(bytes.subarray(begin, end)));
  });
  it("masks a CRC", () => {
    assert.equal(maskedCrc32c(Buffer.from("123456789")), 0xc78ab0e5);
    assert.equal(maskedCrc32c(new Uint8Array(0)), 0xa282ead8);
  });
  it("frames data and the empty record", () => {
    assert.equal(hex(encodeRecord(Buffer.from("abc"))), "0300000000000000b099490e6162636e57f121");
    assert.equal(hex(encodeRecord(new Uint8Array(0))), "000000000000000029039807d8ea82a2");
  });
});
