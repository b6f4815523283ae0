/** A data set in the files of Fashion-MNIST that a test can train on in a second. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SIDE = 28;
const CLASSES = 10;

const folders: string[] = [];
process.once("exit", () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A fresh folder, removed when the test file has ended. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "pea-test-"));
  folders.push(folder);
  return folder;
}

/** Writes images with a bright bar whose place tells the class, on noise, and returns their folder. */
export function writeTinyData({ train = 240, test = 60 } = {}): string {
  const folder = temporaryFolder();
  for (const [part, count] of [
    ["train", train],
    ["t10k", test],
  ] as const) {
    const pixels = Uint8Array.from({ length: count * SIDE * SIDE }, (_, place) => {
      const image = Math.floor(place / (SIDE * SIDE));
      const row = Math.floor(place / SIDE) % SIDE;
      const noise = (place * 7919 + image * 104729) % 97;
      return noise + (Math.floor(row / 2) === 2 + (image % CLASSES) ? 90 : 0);
    });
    const labels = Uint8Array.from({ length: count }, (_, image) => image % CLASSES);
    writeFileSync(join(folder, `${part}-images-idx3-ubyte`), idx([count, SIDE, SIDE], pixels));
    writeFileSync(join(folder, `${part}-labels-idx1-ubyte`), idx([count], labels));
  }
  return folder;
}

function idx(shape: readonly number[], bytes: Uint8Array): Uint8Array {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.writeUInt32BE(0x800 + shape.length, 0);
  for (const [axis, size] of shape.entries()) header.writeUInt32BE(size, 4 + 4 * axis);
  return Buffer.concat([header, bytes]);
}
