import assert from "node:assert/strict";
import { describe, it } from "node:test";
import sharp from "sharp";
import { decodeImage, openImage } from "../../src/images/decode.ts";

const asStored = { exifOrientation: false };
const [width, height] = [24, 16];
/** Smooth, so that lossy formats keep it. */
const rgb = Uint8Array.from({ length: 3 * width * height }, (_, i) => {
  const pixel = Math.floor(i / 3);
  return [8 * (pixel % width), 12 * Math.floor(pixel / width), 128][i % 3] as number;
});
const grey = Uint8Array.from({ length: width * height }, (_, i) => (i * 255) / (width * height));
const image = () => sharp(rgb, { raw: { width, height, channels: 3 } });
const greyImage = () => sharp(grey, { raw: { width, height, channels: 1 } });

async function assertDecodes(bytes: Uint8Array, expected: Uint8Array, tolerance: number) {
  const { data, ...size } = await decodeImage(bytes, asStored);
  assert.deepEqual(size, { width, height });
  assert.equal(data.length, expected.length);
  for (const [i, value] of expected.entries())
    assert.ok(Math.abs((data[i] as number) - value) <= tolerance, `byte ${i}: ${data[i]} is not ${value}`);
}
const tripled = (values: Uint8Array) =>
  Uint8Array.from({ length: 3 * values.length }, (_, i) => values[Math.floor(i / 3)] as number);

describe("decoding gives RGB bytes", () => {
  it("of a JPEG", async () =>
    assertDecodes(await image().jpeg({ quality: 100, chromaSubsampling: "4:4:4" }).toBuffer(), rgb, 4));
  it("of a progressive JPEG", async () =>
    assertDecodes(
      await image().jpeg({ quality: 100, progressive: true, chromaSubsampling: "4:4:4" }).toBuffer(),
      rgb,
      4,
    ));
  it("of PNG, WebP, TIFF and GIF", async () => {
    await assertDecodes(await image().png().toBuffer(), rgb, 0);
    await assertDecodes(await image().webp({ lossless: true }).toBuffer(), rgb, 0);
    await assertDecodes(await image().tiff({ compression: "lzw" }).toBuffer(), rgb, 0);
    const few = rgb.map((value) => value & 0xc0);
    const gif = await sharp(few, { raw: { width, height, channels: 3 } })
      .gif({ dither: 0 })
      .toBuffer();
    await assertDecodes(gif, few, 0);
  });
  it("of grey images, three equal channels", async () => {
    const jpeg = await greyImage().toColourspace("b-w").jpeg({ quality: 100 }).toBuffer();
    assert.equal((await sharp(jpeg).metadata()).channels, 1);
    await assertDecodes(jpeg, tripled(grey), 3);
    const png = await greyImage().toColourspace("b-w").png().toBuffer();
    await assertDecodes(png, tripled(grey), 0);
  });
  it("of 16 bits a channel, the higher eight of them", async () => {
    const deep = Uint16Array.from(rgb, (value) => value * 257);
    const colour = await sharp(deep, { raw: { width, height, channels: 3 } })
      .toColourspace("rgb16")
      .png()
      .toBuffer();
    const plain = await sharp(
      Uint16Array.from(grey, (value) => value * 257),
      {
        raw: { width, height, channels: 1 },
      },
    )
      .toColourspace("grey16")
      .png()
      .toBuffer();
    for (const bytes of [colour, plain]) assert.equal((await sharp(bytes).metadata()).depth, "ushort");
    await assertDecodes(colour, rgb, 1);
    await assertDecodes(plain, tripled(grey), 1);
  });
  it("of a CMYK JPEG, converted", async () => {
    const bytes = await image().toColourspace("cmyk").jpeg({ quality: 100 }).toBuffer();
    assert.equal((await sharp(bytes).metadata()).space, "cmyk");
    // The printer's colours do not hold all of the screen's.
    const { data } = await decodeImage(bytes, asStored);
    const difference = rgb.reduce((sum, value, i) => sum + Math.abs(value - (data[i] as number)), 0);
    assert.equal(data.length, rgb.length);
    assert.ok(difference / rgb.length < 20, `${difference / rgb.length}`);
  });
  it("of a transparent image, as if it were not", async () => {
    for (const opacity of [0, 0.5])
      await assertDecodes(await image().ensureAlpha(opacity).png().toBuffer(), rgb, 0);
  });
  it("of a palette", async () => {
    const few = rgb.map((value) => value & 0xc0);
    const bytes = await sharp(few, { raw: { width, height, channels: 3 } })
      .png({ palette: true, dither: 0 })
      .toBuffer();
    assert.equal((await sharp(bytes).metadata()).isPalette, true);
    await assertDecodes(bytes, few, 0);
  });
  it("as they are stored where the EXIF orientation is not to be followed", async () => {
    const turned = await image().png().withMetadata({ orientation: 6 }).toBuffer();
    assert.equal((await sharp(turned).metadata()).orientation, 6);
    await assertDecodes(turned, rgb, 0);
  });
  it("whatever colour profile is embedded", async () => {
    const wide = await image().png().withIccProfile("p3", { attach: true }).toBuffer();
    assert.ok((await sharp(wide).metadata()).hasProfile);
    const stored = await sharp(wide, { ignoreIcc: true }).raw().toBuffer();
    await assertDecodes(wide, stored, 0);
  });
});

describe("decoding refuses", () => {
  const jpeg = image().jpeg().toBuffer();
  const png = image().png().toBuffer();
  const cases: [what: string, bytes: () => Promise<Uint8Array>, message: RegExp][] = [
    ["an empty file", async () => new Uint8Array(0), /^it is empty$/],
    ["what is no image", async () => Buffer.from("<html>404 Not Found</html>"), /unsupported image format/],
    ["a JPEG cut in half", async () => (await jpeg).subarray(0, (await jpeg).length * 0.6), /premature end/i],
    ["a JPEG's first bytes", async () => (await jpeg).subarray(0, 20), /./],
    ["a PNG cut in half", async () => (await png).subarray(0, (await png).length * 0.6), /./],
    [
      "a PNG with a damaged checksum",
      async () => {
        const bytes = Buffer.from(await png);
        bytes.writeUInt32BE(0x12345678, bytes.indexOf("IDAT") + 10);
        return bytes;
      },
      /./,
    ],
  ];
  for (const [what, bytes, message] of cases)
    it(what, async () => {
      await assert.rejects(async () => decodeImage(await bytes(), asStored), {
        name: "BadSampleError",
        message,
      });
    });
});

describe("a window of a JPEG", () => {
  const [width, height] = [93, 71];
  const texture = Uint8Array.from(
    { length: 3 * width * height },
    (_, i) => 128 + 90 * Math.sin(i * i * 0.0013),
  );
  const raw = sharp(texture, { raw: { width, height, channels: 3 } });
  const encodings: [what: string, encode: () => Promise<Buffer>][] = [
    ["with colour at half the resolution", () => raw.clone().jpeg({ chromaSubsampling: "4:2:0" }).toBuffer()],
    ["with colour at full resolution", () => raw.clone().jpeg({ chromaSubsampling: "4:4:4" }).toBuffer()],
    ["that is progressive", () => raw.clone().jpeg({ progressive: true }).toBuffer()],
    ["in grey", () => raw.clone().toColourspace("b-w").jpeg().toBuffer()],
  ];
  const windows = [
    { left: 0, top: 0, width, height },
    { left: 0, top: 0, width: 1, height: 1 },
    { left: width - 1, top: height - 1, width: 1, height: 1 },
    { left: 0, top: 40, width, height: 20 },
    { left: 47, top: 35, width: 17, height: 33 },
    ...Array.from({ length: 40 }, (_, i) => {
      const [left, top] = [(i * 37) % width, (i * 29) % height];
      return { left, top, width: 1 + ((i * 53) % (width - left)), height: 1 + ((i * 41) % (height - top)) };
    }),
  ];
  for (const [what, encode] of encodings)
    it(`${what} has the pixels that another decoder finds there`, async () => {
      const bytes = await encode();
      const whole = await sharp(bytes).toColourspace("srgb").raw().toBuffer();
      const image = await openImage(bytes, asStored);
      assert.deepEqual([image.width, image.height], [width, height]);
      for (const wanted of windows) {
        const { pixels, window } = image.decode(wanted);
        assert.deepEqual([window.width, window.height], [wanted.width, wanted.height]);
        for (let y = 0; y < window.height; y++) {
          const row = (data: Uint8Array, w: number, left: number, line: number) =>
            Buffer.from(data.subarray(3 * (w * line + left), 3 * (w * line + left + window.width)));
          const found = row(pixels.data, pixels.width, window.left, window.top + y);
          const expected = row(whole, width, wanted.left, wanted.top + y);
          assert.ok(found.equals(expected), `${JSON.stringify(wanted)}, row ${y}`);
        }
      }
    });

  it("is refused where the file ends before the image, also below the window", async () => {
    const bytes = await raw.clone().jpeg().toBuffer();
    const cut = await openImage(bytes.subarray(0, bytes.length - 40), asStored);
    assert.throws(() => cut.decode({ left: 0, top: 0, width: 20, height: 5 }), {
      name: "BadSampleError",
      message: /premature end/i,
    });
  });
  it("does not take the end of an embedded thumbnail for that of the image", async () => {
    const bytes = await raw.clone().jpeg().toBuffer();
    const comment = Buffer.from([0xff, 0xfe, 0, 6, 0xff, 0xd8, 0xff, 0xd9]);
    const within = Buffer.concat([bytes.subarray(0, 2), comment, bytes.subarray(2)]);
    const decode = async (encoded: Uint8Array) =>
      (await openImage(encoded, asStored)).decode({ left: 0, top: 0, width: 20, height: 5 });
    await assert.doesNotReject(decode(within));
    await assert.rejects(decode(within.subarray(0, within.length - 40)), { message: /premature end/i });
  });
  it("is refused where the data in it are damaged", async () => {
    const bytes = Buffer.from(await raw.clone().jpeg().toBuffer());
    // A marker that has no place among the data.
    bytes.set([0xff, 0xd4], bytes.length - 600);
    const damaged = await openImage(bytes, asStored);
    assert.throws(() => damaged.decode({ left: 0, top: 0, width, height }), { name: "BadSampleError" });
  });
  it("is read also where something follows the image", async () => {
    const bytes = Buffer.concat([await raw.clone().jpeg().toBuffer(), Buffer.alloc(100_000, 7)]);
    const { pixels } = (await openImage(bytes, asStored)).decode({ left: 3, top: 4, width: 5, height: 6 });
    assert.equal(pixels.data.length, 3 * 5 * 6);
  });
});

it("an image of more pixels than memory is refused by its header", async () => {
  const bytes = Buffer.from(await image().jpeg().toBuffer());
  const frame = bytes.indexOf(Buffer.from([0xff, 0xc0]));
  bytes.writeUInt16BE(60_000, frame + 5);
  bytes.writeUInt16BE(60_000, frame + 7);
  await assert.rejects(openImage(bytes, asStored), { name: "BadSampleError", message: /60000×60000 pixels/ });
});

it("a damaged JPEG gives pixels or a reason, whatever has happened to its bytes", async () => {
  const window = { left: 5, top: 3, width: 9, height: 7 };
  const outcomes = { pixels: 0, refused: 0 };
  for (const progressive of [false, true]) {
    const bytes = await image().jpeg({ progressive }).toBuffer();
    for (let i = 0; i < 400; i++) {
      const damaged = Buffer.from(bytes);
      for (let change = 0; change <= i % 3; change++)
        damaged[2 + ((i * 7919 + change * 104_729) % (bytes.length - 2))] = (i * 151 + change * 67) % 256;
      try {
        const opened = await openImage(damaged, asStored);
        if (opened.width < 14 || opened.height < 10) continue;
        const { pixels } = opened.decode(window);
        assert.ok(pixels.data.length >= 3 * window.width * window.height);
        outcomes.pixels++;
      } catch (error) {
        assert.equal((error as Error).name, "BadSampleError", `${error}`);
        assert.notEqual((error as Error).message, "");
        outcomes.refused++;
      }
    }
  }
  assert.ok(outcomes.pixels > 100 && outcomes.refused > 100, JSON.stringify(outcomes));
});
