/** Images in files, made for tests: sample i is one colour, from which a test tells which sample it sees. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import sharp from "sharp";

/** A PNG of `size` × `size` pixels, all of the value `value`. */
export async function plainImage(value: number, size = 8): Promise<Buffer> {
  return sharp({
    create: { width: size, height: size, channels: 3, background: { r: value, g: value, b: value } },
  })
    .png()
    .toBuffer();
}

/** A JPEG of noise, no two of which are alike. */
export async function noiseImage(seed: number, width: number, height: number): Promise<Buffer> {
  let word = seed;
  const data = Uint8Array.from({ length: 3 * width * height }, () => {
    word = (Math.imul(word, 1664525) + 1013904223) >>> 0;
    return word >>> 24;
  });
  return sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg()
    .toBuffer();
}

/** Writes files below a folder, with the folders they lie in. */
export function writeFiles(root: string, files: Readonly<Record<string, Uint8Array | string>>): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(root, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
}
