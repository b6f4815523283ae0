/**
 * Photographs to load, made: textures of several scales with the size, the quality and about the bytes of ImageNet's.
 *
 * @module
 */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { uniform } from "./random.ts";

const WIDTH = 500;
const HEIGHT = 375;
const QUALITY = 90;
const CLASSES = 8;

/** Cells across the image and amplitude of each layer of noise: shapes, surfaces, fine texture. */
const LAYERS = [
  [4, 70],
  [16, 35],
  [64, 28],
  [250, 30],
] as const;

/** Puts `count` JPEGs into a folder, one folder per class, the same in every run; keeps what is there already. */
export async function makeImages(folder: string, count: number): Promise<void> {
  if (existsSync(folder)) return;
  const unfinished = `${folder}.tmp`;
  rmSync(unfinished, { recursive: true, force: true });
  for (let label = 0; label < CLASSES; label++)
    mkdirSync(join(unfinished, `class-${label}`), { recursive: true });
  for (let index = 0; index < count; index++) {
    const name = `${String(index).padStart(4, "0")}.jpg`;
    writeFileSync(join(unfinished, `class-${index % CLASSES}`, name), await makeImage(index));
  }
  renameSync(unfinished, folder);
}

async function makeImage(seed: number): Promise<Buffer> {
  const random = uniform(seed);
  const sum = new Float32Array(3 * WIDTH * HEIGHT).fill(128);
  for (const [cells, amplitude] of LAYERS) {
    const [width, height] = [cells, Math.ceil((cells * HEIGHT) / WIDTH)];
    const noise = Uint8Array.from({ length: 3 * width * height }, () => 256 * random());
    const layer = await sharp(noise, { raw: { width, height, channels: 3 } })
      .resize(WIDTH, HEIGHT, { kernel: "cubic", fit: "fill" })
      .raw()
      .toBuffer();
    for (let i = 0; i < sum.length; i++)
      sum[i] = (sum[i] as number) + (((layer[i] as number) - 128) / 128) * amplitude;
  }
  return sharp(Uint8ClampedArray.from(sum), { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
    .jpeg({ quality: QUALITY })
    .toBuffer();
}
