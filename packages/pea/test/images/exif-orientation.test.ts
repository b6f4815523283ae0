import assert from "node:assert/strict";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import sharp from "sharp";
import { openCityscapes } from "../../src/data/formats/cityscapes/open-cityscapes.ts";
import { openImageFolder } from "../../src/data/formats/image-folder.ts";
import { DecodePool } from "../../src/data/loading/decode-pool.ts";
import { StreamingLoader, type StreamingLoaderOptions } from "../../src/data/loading/streaming-loader.ts";
import { decodeImage, exifOrientationOf, openImage } from "../../src/images/decode.ts";
import { jpegOrientation } from "../../src/images/exif-orientation.ts";
import type { Window } from "../../src/images/transforms/crop.ts";
import { encodeLabelMap } from "../../src/tasks/segmentation/label-images.ts";
import { imageName, labelName } from "../support/cityscapes-folder.ts";
import { writeFiles } from "../support/images.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

const pool = new DecodePool({ workers: 1 });
after(() => pool.close());

const orientations = [1, 2, 3, 4, 5, 6, 7, 8];
const [width, height] = [93, 71];
const texture = Uint8Array.from(
  { length: 3 * width * height },
  (_, i) => 128 + 90 * Math.sin(i * i * 0.0013),
);
const photo = (orientation: number) =>
  sharp(texture, { raw: { width, height, channels: 3 } }).withMetadata({ orientation });

/** An APP1 segment of a JPEG with an EXIF directory of one field. */
function exif({ tag = 0x0112, type = 3, value = 6, isLittle = false, name = "Exif\0\0" } = {}): Buffer {
  const tiff = Buffer.alloc(26);
  const view = new DataView(tiff.buffer, tiff.byteOffset);
  tiff.write(isLittle ? "II" : "MM", "latin1");
  view.setUint16(2, 42, isLittle);
  view.setUint32(4, 8, isLittle);
  view.setUint16(8, 1, isLittle);
  view.setUint16(10, tag, isLittle);
  view.setUint16(12, type, isLittle);
  view.setUint32(14, 1, isLittle);
  if (type === 3) view.setUint16(18, value, isLittle);
  else view.setUint32(18, value, isLittle);
  return segment(0xe1, Buffer.concat([Buffer.from(name, "latin1"), tiff]));
}

function segment(code: number, content: Uint8Array): Buffer {
  const head = Buffer.from([0xff, code, 0, 0]);
  head.writeUInt16BE(content.length + 2, 2);
  return Buffer.concat([head, content]);
}

const start = Buffer.from([0xff, 0xd8]);
const jfif = segment(0xe0, Buffer.from("JFIF\0\x01\x02\0\0\x01\0\x01\0\0", "latin1"));
const scan = Buffer.from([0xff, 0xda, 0, 2]);

describe("the EXIF orientation of a JPEG", () => {
  it("is read in both byte orders, after other segments and fill bytes", () => {
    for (const isLittle of [false, true])
      for (const value of orientations)
        assert.equal(jpegOrientation(Buffer.concat([start, exif({ value, isLittle }), scan])), value);
    const xmp = segment(0xe1, Buffer.from("http://ns.adobe.com/xap/1.0/\0<x/>"));
    const fill = Buffer.from([0xff, 0xff]);
    assert.equal(jpegOrientation(Buffer.concat([start, jfif, xmp, fill, exif(), scan])), 6);
  });
  it("is read where it is written with 32 bits", () => {
    assert.equal(jpegOrientation(Buffer.concat([start, exif({ type: 4, isLittle: true }), scan])), 6);
    assert.equal(jpegOrientation(Buffer.concat([start, exif({ type: 4 }), scan])), 6);
  });
  it("is 1 where there is none, or none of the eight", () => {
    for (const bytes of [
      Buffer.concat([start, jfif, scan]),
      Buffer.concat([start, exif({ tag: 0x0110 }), scan]),
      Buffer.concat([start, exif({ name: "Exif.." }), scan]),
      Buffer.concat([start, exif({ type: 2 }), scan]),
      Buffer.concat([start, scan, exif()]),
      ...[0, 9, 65535].map((value) => Buffer.concat([start, exif({ value }), scan])),
    ])
      assert.equal(jpegOrientation(bytes), 1);
  });
  it("is 1 where the data end early or lie, and reading stops", () => {
    const whole = Buffer.concat([start, exif(), scan]);
    for (let length = 0; length < whole.length - scan.length; length++)
      assert.equal(jpegOrientation(whole.subarray(0, length)), 1);
    for (let i = 0; i < whole.length; i++)
      for (const value of [0, 0xff]) {
        const damaged = Buffer.from(whole);
        damaged[i] = value;
        assert.ok(orientations.includes(jpegOrientation(damaged)));
      }
  });
});

describe("a JPEG turned by its EXIF orientation", () => {
  const windows: Window[] = Array.from({ length: 30 }, (_, i) => {
    const [left, top] = [(i * 37) % height, (i * 29) % height];
    return { left, top, width: 1 + ((i * 53) % (height - left)), height: 1 + ((i * 41) % (height - top)) };
  });
  for (const orientation of orientations)
    it(`${orientation} has in every window the pixels of the whole picture, turned by another library`, async () => {
      const bytes = await photo(orientation).jpeg().toBuffer();
      const { data, info } = await sharp(bytes).autoOrient().raw().toBuffer({ resolveWithObject: true });
      const image = await openImage(bytes, { exifOrientation: true });
      assert.deepEqual([image.width, image.height], [info.width, info.height]);
      assert.equal(info.width, orientation < 5 ? width : height);
      for (const shown of [{ left: 0, top: 0, width: info.width, height: info.height }, ...windows]) {
        const { pixels, window } = image.decode(shown);
        for (let y = 0; y < shown.height; y++) {
          const row = (from: Uint8Array, lineLength: number, left: number, line: number) =>
            Buffer.from(
              from.subarray(3 * (lineLength * line + left), 3 * (lineLength * line + left + shown.width)),
            );
          const found = row(pixels.data, pixels.width, window.left, window.top + y);
          const expected = row(data, info.width, shown.left, shown.top + y);
          assert.ok(found.equals(expected), `${JSON.stringify(shown)}, row ${y}`);
        }
      }
    });
  it("is as it is stored where the orientation is not to be followed", async () => {
    const bytes = await photo(6).jpeg().toBuffer();
    const { data, ...size } = await decodeImage(bytes, { exifOrientation: false });
    assert.deepEqual(size, { width, height });
    assert.ok(Buffer.from(data).equals(await sharp(bytes).raw().toBuffer()));
  });
});

describe("other formats", () => {
  const formats = {
    PNG: (orientation: number) => photo(orientation).png(),
    WebP: (orientation: number) => photo(orientation).webp({ lossless: true }),
    TIFF: (orientation: number) => photo(orientation).tiff({ compression: "lzw" }),
  };
  for (const [name, encode] of Object.entries(formats))
    it(`are turned, too: ${name}`, async () => {
      for (const orientation of orientations) {
        const bytes = await encode(orientation).toBuffer();
        const jpegs = await photo(orientation).jpeg().toBuffer();
        const turned = await sharp(texture, { raw: { width, height, channels: 3 } })
          .png()
          .toBuffer()
          .then((plain) => turnBySharp(plain, orientation));
        const found = await decodeImage(bytes, { exifOrientation: true });
        assert.equal(await exifOrientationOf(bytes), orientation);
        assert.equal(await exifOrientationOf(jpegs), orientation);
        assert.ok(Buffer.from(found.data).equals(turned), `${orientation}`);
        const stored = await decodeImage(bytes, { exifOrientation: false });
        assert.ok(Buffer.from(stored.data).equals(texture));
      }
    });
  it("of AVIF are turned once, by the container, whatever is asked for", async () => {
    const bytes = await photo(6).avif({ quality: 100, chromaSubsampling: "4:4:4" }).toBuffer();
    const turned = await turnBySharp(await photo(1).png().toBuffer(), 6);
    for (const exifOrientation of [true, false]) {
      const found = await decodeImage(bytes, { exifOrientation });
      assert.deepEqual([found.width, found.height], [height, width]);
      const difference = found.data.reduce(
        (sum, value, i) => sum + Math.abs(value - (turned[i] as number)),
        0,
      );
      assert.ok(difference / found.data.length < 12, `${difference / found.data.length}`);
    }
  });
});

/** By flips and quarter turns, in the words of the standard: mirrored first where it is, then turned clockwise. */
async function turnBySharp(plain: Uint8Array, orientation: number): Promise<Buffer> {
  const isMirrored = [2, 4, 5, 7].includes(orientation);
  const angle = { 1: 0, 2: 0, 3: 180, 4: 180, 5: 270, 6: 90, 7: 90, 8: 270 }[orientation] as number;
  const mirrored = await sharp(plain).flop(isMirrored).png().toBuffer();
  return sharp(mirrored).rotate(angle).raw().toBuffer();
}

describe("the images of a loader", () => {
  const size = { width: 32, height: 24 };
  const root = temporaryFolder();
  const imagesOf = async (folder: string, options: Partial<StreamingLoaderOptions> = {}) => {
    const source = await openImageFolder(join(root, folder));
    for await (const { images } of new StreamingLoader(source, {
      batchSize: 9,
      pool,
      size,
      ...options,
    }).batches())
      return images.toTypedArray();
    throw new Error("no batch");
  };

  it("are those of upright photos, in training and in evaluation, unless told otherwise", async () => {
    for (const orientation of orientations) {
      const turned = await sharp(await photo(orientation).png().toBuffer())
        .autoOrient()
        .png()
        .toBuffer();
      writeFiles(root, {
        [`carried/a/${orientation}.png`]: await photo(orientation).png().toBuffer(),
        [`upright/a/${orientation}.png`]: turned,
        [`stored/a/${orientation}.png`]: await photo(1).png().toBuffer(),
      });
    }
    const training = { seed: 3, flip: true, padding: 2, crop: "distorted" } as const;
    for (const options of [{}, { training, batchSize: 8 }]) {
      assert.deepEqual(await imagesOf("carried", options), await imagesOf("upright", options));
      const asStored = { ...options, exifOrientation: false };
      assert.deepEqual(await imagesOf("carried", asStored), await imagesOf("stored", options));
      assert.notDeepEqual(await imagesOf("carried", options), await imagesOf("stored", options));
    }
  });
});

describe("an image with an orientation beside a label map", () => {
  const size = { width: 16, height: 16 };
  const key = "town_000000_000001";
  const scene = async (map: { width: number; height: number }) => {
    const root = temporaryFolder();
    const labels = { ...map, data: new Uint8Array(map.width * map.height).fill(7) };
    for (const split of ["train", "val"])
      writeFiles(root, {
        [imageName(split, key)]: await photo(6).png().toBuffer(),
        [labelName(split, key)]: await encodeLabelMap(labels),
      });
    return (await openCityscapes(root, { warn: () => {} })).train;
  };
  const read = async (map: { width: number; height: number }, exifOrientation: boolean) => {
    const loader = new StreamingLoader(await scene(map), { batchSize: 1, pool, size, exifOrientation });
    for await (const { labels } of loader.batches()) return labels.shape;
    throw new Error("no batch");
  };

  it("is turned: the map is as the image is shown", async () => {
    assert.deepEqual(await read({ width: height, height: width }, true), [1, 16, 16]);
  });
  it("is not where the setting says so: the map is as the image is stored", async () => {
    assert.deepEqual(await read({ width, height }, false), [1, 16, 16]);
  });
  it("is refused where one of them lies on its side, and the setting is named", async () => {
    const message = /has 71×93 pixels, but its image 93×71: one of them lies on its side.*exifOrientation/;
    await assert.rejects(read({ width, height }, true), { message });
    await assert.rejects(read({ width: height, height: width }, false), /93×71 pixels, but its image 71×93/);
  });
});
