import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { deflateSync } from "node:zlib";
import sharp from "sharp";
import { decodeImage } from "../../src/images/decode.ts";
import { readTiffFields } from "../../src/images/tiff-fields.ts";
import { tiff } from "../support/tiff.ts";

/** Grey of each pixel from 0 to 1. */
const [width, height] = [8, 4];
const ramp = Array.from({ length: width * height }, (_, i) => i / (width * height - 1));

const fields = { bits: 258, photometric: 262, channels: 277, extra: 338, format: 339 } as const;
const [WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR] = [0, 1, 2, 3, 5, 6];
const [SIGNED, FLOAT] = [2, 3];

/** A TIFF of `samples`, a list for each pixel. */
function image(
  samples: readonly (readonly number[])[],
  array: { from(values: readonly number[]): { buffer: ArrayBufferLike; BYTES_PER_ELEMENT: number } },
  photometric: number,
  more: Readonly<Record<number, readonly number[]>> = {},
): Buffer {
  const channels = samples[0]?.length ?? 0;
  const { buffer, BYTES_PER_ELEMENT } = array.from(samples.flat());
  return tiff({
    ...{ width, height, data: new Uint8Array(buffer) },
    fields: {
      [fields.bits]: Array.from({ length: channels }, () => 8 * BYTES_PER_ELEMENT),
      [fields.photometric]: [photometric],
      [fields.channels]: [channels],
      ...more,
    },
  });
}

const grey = (scale: number) => ramp.map((value) => [Math.round(scale * value)]);

/** Packs whole numbers of some bits, rows at whole bytes. */
function packed(values: readonly number[], bits: number): Uint8Array {
  const rows = Array.from({ length: height }, (_, y) => {
    const text = values
      .slice(y * width, (y + 1) * width)
      .map((value) => value.toString(2).padStart(bits, "0"))
      .join("");
    return text.match(/.{1,8}/g)?.map((byte) => Number.parseInt(byte.padEnd(8, "0"), 2)) ?? [];
  });
  return Uint8Array.from(rows.flat());
}

function png(bits: number, values: readonly number[]): Buffer {
  const chunk = (type: string, data: Uint8Array) => {
    const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(data.length);
    frame.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width);
  header.writeUInt32BE(height, 4);
  header[8] = bits;
  const data = packed(values, bits);
  const lineLength = data.length / height;
  const lines = Array.from({ length: height }, (_, y) => [
    0,
    ...data.subarray(y * lineLength, (y + 1) * lineLength),
  ]);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(Uint8Array.from(lines.flat()))),
    chunk("IEND", new Uint8Array(0)),
  ]);
}

/** As PNG has it (RFC 2083, 15). */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

async function redOf(bytes: Uint8Array): Promise<number[]> {
  const { data } = await decodeImage(bytes, { exifOrientation: true });
  const pixels = Array.from({ length: data.length / 3 }, (_, i) => [...data.subarray(3 * i, 3 * i + 3)]);
  return pixels.map(([red]) => red as number);
}

const refused = (bytes: Uint8Array, message: RegExp) =>
  assert.rejects(decodeImage(bytes, { exifOrientation: true }), { name: "BadSampleError", message });

describe("whole numbers become bytes", () => {
  for (const bits of [1, 2, 4, 8]) {
    const most = 2 ** bits - 1;
    const values = ramp.map((value) => Math.round(most * value));
    // The range is filled: the greatest number of so many bits is 255.
    const expected = values.map((value) => (255 / most) * value);
    it(`of ${bits} bits, the greatest being 255`, async () => {
      assert.deepEqual(await redOf(png(bits, values)), expected);
      const data = packed(values, bits);
      for (const [photometric, shown] of [
        [BLACK_IS_ZERO, expected],
        [WHITE_IS_ZERO, expected.map((value) => 255 - value)],
      ] as const) {
        const of = { [fields.bits]: [bits], [fields.photometric]: [photometric] };
        assert.deepEqual(await redOf(tiff({ width, height, data, fields: of })), shown);
      }
    });
  }
  it("of 16 bits, by their higher 8", async () => {
    const values = ramp.map((value) => Math.round(65535 * value));
    const expected = values.map((value) => value >> 8);
    const png16 = await sharp(Uint16Array.from(values), { raw: { width, height, channels: 1 } })
      .toColourspace("grey16")
      .png()
      .toBuffer();
    assert.deepEqual(await redOf(png16), expected);
    assert.deepEqual(await redOf(image(grey(65535), Uint16Array, BLACK_IS_ZERO)), expected);
    const rgb = image(
      values.map((value) => [value, 65535, 0]),
      Uint16Array,
      RGB,
    );
    assert.deepEqual(await redOf(rgb), expected);
  });
  it("of 10 and 12 bits in AVIF, filled up as those of 16", async () => {
    for (const bitdepth of [10, 12] as const) {
      const bytes = await sharp(
        Uint8Array.from({ length: 3 * 64 }, () => 255),
        {
          raw: { width: 8, height: 8, channels: 3 },
        },
      )
        .avif({ bitdepth, lossless: true })
        .toBuffer();
      assert.equal((await sharp(bytes).metadata()).depth, "ushort");
      assert.deepEqual(new Set(await redOf(bytes)), new Set([255]));
    }
  });
  it("of a palette, by the colours they stand for", async () => {
    const colours = Array.from({ length: 768 }, (_, i) => (i < 256 ? 257 * (255 - i) : 0));
    const bytes = image(grey(255), Uint8Array, PALETTE, { 320: colours });
    assert.deepEqual(
      await redOf(bytes),
      grey(255).map(([value]) => 255 - (value as number)),
    );
  });
  it("with one channel more, which is transparency and dropped", async () => {
    for (const extra of [0, 2]) {
      const more = { [fields.extra]: [extra] };
      const samples = (of: (value: number) => number[]) =>
        grey(255).map(([value]) => [...of(value as number), 9]);
      const expected = grey(255).map(([value]) => value);
      const found = [
        image(
          samples((value) => [value]),
          Uint8Array,
          BLACK_IS_ZERO,
          more,
        ),
        image(
          samples((value) => [value, 1, 2]),
          Uint8Array,
          RGB,
          more,
        ),
      ];
      for (const bytes of found) assert.deepEqual(await redOf(bytes), expected);
    }
  });
});

describe("floats", () => {
  const floats = (of: (value: number) => number) =>
    image(
      ramp.map((value) => [of(value)]),
      Float32Array,
      BLACK_IS_ZERO,
      {
        [fields.format]: [FLOAT],
      },
    );
  const expected = ramp.map((value) => Math.floor(255 * Math.fround(value) + 0.5));

  it("from 0 to 1 are multiplied by 255 and rounded", async () => {
    assert.deepEqual(await redOf(floats((value) => value)), expected);
  });
  it("of colours are numbers, too, and no light that would have to be made brighter", async () => {
    const samples = ramp.map((value) => [value, 0.5, 0]);
    const bytes = image(samples, Float32Array, RGB, { [fields.format]: [FLOAT, FLOAT, FLOAT] });
    assert.deepEqual(await redOf(bytes), expected);
    const { data } = await decodeImage(bytes, { exifOrientation: true });
    assert.deepEqual([...data.subarray(0, 3)], [0, 128, 0]);
  });
  it("beyond are refused and the number is named", async () => {
    await refused(
      floats((value) => 255 * value),
      /floats, which must lie from 0 to 1, and one is 8\.2\d*; scale it/,
    );
    await refused(
      floats((value) => value - 0.5),
      /one is -0\.5;/,
    );
    await refused(
      floats(() => Number.NaN),
      /one is NaN;/,
    );
    await refused(
      floats((value) => 1.001 * value),
      /one is 1\.00\d*;/,
    );
  });
});

describe("what would have to be cut off is refused, and the way out named:", () => {
  const signs = { [fields.format]: [SIGNED] };
  const cases: [what: string, bytes: Buffer, message: RegExp][] = [
    [
      "signed numbers of 8 bits",
      image(grey(100), Int8Array, BLACK_IS_ZERO, signs),
      /signed numbers of 8 bits/,
    ],
    [
      "signed numbers of 16 bits",
      image(grey(1000), Int16Array, BLACK_IS_ZERO, signs),
      /signed numbers of 16 bits/,
    ],
    [
      "signed numbers of 32 bits",
      image(grey(1e6), Int32Array, BLACK_IS_ZERO, signs),
      /signed numbers of 32 bits/,
    ],
    ["whole numbers of 32 bits", image(grey(1e6), Uint32Array, BLACK_IS_ZERO), /unsigned numbers of 32 bits/],
    [
      "floats of 64 bits",
      image(grey(1), Float64Array, BLACK_IS_ZERO, { [fields.format]: [FLOAT] }),
      /float numbers of 64 bits; unsigned ones of up to 16 bits are read, .* e\.g\. to a PNG/,
    ],
    [
      "floats of 16 bits",
      image(grey(1), Uint16Array, BLACK_IS_ZERO, { [fields.format]: [FLOAT] }),
      /float numbers of 16 bits/,
    ],
    [
      "five bands",
      image(
        ramp.map(() => [1, 2, 3, 4, 5]),
        Uint8Array,
        BLACK_IS_ZERO,
      ),
      /has 5 channels; grey, RGB and CMYK/,
    ],
    [
      "near infrared and more beside RGB",
      image(
        ramp.map(() => [1, 2, 3, 4, 5]),
        Uint8Array,
        RGB,
      ),
      /has 5 channels/,
    ],
    [
      "YCbCr without JPEG, whose numbers would be taken for red, green and blue",
      image(
        ramp.map(() => [100, 128, 128]),
        Uint8Array,
        YCBCR,
        { 530: [1, 1] },
      ),
      /stored as YCbCr without JPEG compression/,
    ],
    [
      "numbers of 12 bits",
      tiff({ width, height, data: packed(grey(4095).flat(), 12), fields: { 258: [12], 262: [1] } }),
      /./,
    ],
  ];
  for (const [what, bytes, message] of cases) it(what, () => refused(bytes, message));

  it("but CMYK with its four channels is converted", async () => {
    const inks = ramp.map((value) => [0, 0, 0, Math.round(255 * (1 - value))]);
    const red = await redOf(image(inks, Uint8Array, CMYK));
    assert.deepEqual(
      [...red].sort((a, b) => a - b),
      red,
    );
    assert.ok((red[0] as number) < 60 && (red.at(-1) as number) > 240, `${red}`);
  });
});

describe("the first of several frames or pages is taken", () => {
  const frames = Uint8Array.from({ length: 2 * 3 * 64 }, (_, i) => (i < 3 * 64 ? 192 : 64));
  const raw = { width: 8, height: 16, channels: 3, pageHeight: 8 } as const;
  for (const format of ["gif", "webp", "tiff"] as const)
    it(`of ${format}`, async () => {
      const encoder = sharp(frames, { raw });
      const bytes = await (format === "webp"
        ? encoder.webp({ lossless: true })
        : encoder.toFormat(format)
      ).toBuffer();
      assert.equal((await sharp(bytes).metadata()).pages, 2);
      const { data, ...size } = await decodeImage(bytes, { exifOrientation: true });
      assert.deepEqual(size, { width: 8, height: 8 });
      assert.deepEqual(new Set(data), new Set([192]));
    });
});

describe("the fields of a TIFF", () => {
  const found = new Map([
    [258, 16],
    [262, 2],
  ]);
  it("are read in both byte orders and in BigTIFF", () => {
    const plain = tiff({
      width: 1,
      height: 1,
      data: new Uint8Array(6),
      fields: { 258: [16, 16, 16], 262: [2] },
    });
    const fields = readTiffFields(plain);
    for (const [tag, value] of found) assert.equal(fields?.get(tag), value);
    for (const isLittle of [true, false]) {
      const big = Buffer.alloc(16 + 8 + 2 * 20 + 8);
      const view = new DataView(big.buffer, big.byteOffset);
      big.write(isLittle ? "II" : "MM", "latin1");
      view.setUint16(2, 43, isLittle);
      view.setUint16(4, 8, isLittle);
      view.setBigUint64(8, 16n, isLittle);
      view.setBigUint64(16, 2n, isLittle);
      for (const [i, [tag, value]] of [...found].entries()) {
        view.setUint16(24 + 20 * i, tag, isLittle);
        view.setUint16(26 + 20 * i, 3, isLittle);
        view.setBigUint64(28 + 20 * i, 1n, isLittle);
        view.setUint16(36 + 20 * i, value, isLittle);
      }
      assert.deepEqual(readTiffFields(big), found);
    }
  });
  it("are none where something else begins, and those before the end of a file cut off", () => {
    assert.equal(readTiffFields(Buffer.from("no TIFF at all, but text")), null);
    assert.equal(readTiffFields(Buffer.alloc(3)), null);
    const whole = tiff({ width: 2, height: 2, data: new Uint8Array(4), fields: { 258: [8] } });
    for (let length = 0; length < whole.length; length++)
      assert.ok((readTiffFields(whole.subarray(0, length))?.size ?? 0) <= 9);
  });
});
