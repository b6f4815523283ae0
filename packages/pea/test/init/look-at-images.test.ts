import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import sharp from "sharp";
import { openImageFolder } from "../../src/data/formats/image-folder.ts";
import { lookAtImages, remarksOn } from "../../src/init/look-at-images.ts";
import { plainImage, writeFiles } from "../support/images.ts";
import { tiff } from "../support/tiff.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

const photo = sharp({ create: { width: 30, height: 20, channels: 3, background: "#846" } });
const grey16 = (greatest: number) =>
  sharp(
    Uint16Array.from({ length: 64 }, (_, i) => Math.round((i / 63) * greatest)),
    {
      raw: { width: 8, height: 8, channels: 1 },
    },
  ).toColourspace("grey16");

async function seenOf(files: Readonly<Record<string, Uint8Array | string>>) {
  const folder = temporaryFolder();
  writeFiles(
    folder,
    Object.fromEntries(Object.entries(files).map(([name, bytes]) => [join("a", name), bytes])),
  );
  return lookAtImages(await openImageFolder(folder));
}

describe("a look at some images", () => {
  it("tells sizes as they are shown, how many are turned, and how many cannot be read", async () => {
    const seen = await seenOf({
      "1.jpg": await photo.clone().jpeg().toBuffer(),
      "2.jpg": await photo.clone().withMetadata({ orientation: 6 }).jpeg().toBuffer(),
      "3.png": await photo.clone().withMetadata({ orientation: 3 }).png().toBuffer(),
      "4.jpg": "damaged",
    });
    assert.deepEqual(seen.sizes, [
      { width: 30, height: 20 },
      { width: 20, height: 30 },
      { width: 30, height: 20 },
    ]);
    const [unreadable, ...others] = remarksOn(seen);
    assert.match(unreadable ?? "", /^1 of 4 images looked at cannot be read \(onBadSample\), as .*4\.jpg: ./);
    assert.deepEqual(others, [
      "2 of 3 images looked at carry an EXIF orientation, by which they are turned (exifOrientation)",
    ]);
  });
  it("says where numbers of 16 bits use a small part of their range", async () => {
    const samples = Uint16Array.from({ length: 64 }, (_, i) => 65 * i);
    const data = new Uint8Array(samples.buffer);
    const written = tiff({ width: 8, height: 8, data, fields: { 258: [16], 262: [1] } });
    for (const image of [await grey16(4095).png().toBuffer(), written]) {
      const seen = await seenOf({ "1.tif": image, "2.png": await plainImage(200) });
      assert.deepEqual(remarksOn(seen), [
        "1 of 2 images looked at have 16 bits, but no sample above 4095 of 65535: as the higher 8 bits are kept, " +
          "16 of 256 levels are left. Scale them to the full range",
      ]);
    }
  });
  it("says nothing of ordinary images", async () => {
    const seen = await seenOf({
      "1.png": await plainImage(20),
      "2.png": await grey16(65535).png().toBuffer(),
      "3.jpg": await photo.clone().withMetadata({ orientation: 1 }).jpeg().toBuffer(),
    });
    assert.deepEqual([seen.sizes.length, remarksOn(seen)], [3, []]);
  });
});
