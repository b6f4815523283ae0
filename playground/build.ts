/**
 * Builds the playground: a static page that any server can hand out.
 *
 * @module
 */
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { PeaError } from "@pea/core";
import { build } from "esbuild";
import { counts, PIXELS } from "./src/images/packed.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
/** Where Debian's package dataset-fashion-mnist puts its files. */
const DATA = "/usr/share/datasets/fashion-mnist";

/**
 * Builds into a folder, which is emptied first.
 *
 * @throws PeaError of kind usage where the images are not installed
 */
export async function buildPlayground(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const images = packImages();
  await build({
    entryPoints: {
      page: join(here, "src/page.ts"),
      "points-worker": join(here, "src/points/worker.ts"),
      "images-worker": join(here, "src/images/worker.ts"),
    },
    outdir: folder,
    bundle: true,
    // What both workers need lies in a file of its own, once.
    splitting: true,
    minify: true,
    format: "esm",
    target: "es2022",
    conditions: ["pea-source"],
    logLevel: "error",
  });
  for (const name of ["index.html", "style.css"]) copyFileSync(join(here, name), join(folder, name));
  writeFileSync(join(folder, "images.bin"), images);
}

/** The first images of both parts, as src/images/packed.ts reads them. */
function packImages(): Buffer {
  const parts = [read("train", counts.train), read("t10k", counts.test)];
  return Buffer.concat([...parts.map(({ pixels }) => pixels), ...parts.map(({ labels }) => labels)]);
}

/** The first `count` images and labels of a part: what follows the headers of its IDX files. */
function read(part: string, count: number): { pixels: Buffer; labels: Buffer } {
  const bytes = (name: string) => {
    try {
      return gunzipSync(readFileSync(join(DATA, name)));
    } catch (error) {
      throw new PeaError(
        `cannot read Fashion-MNIST: ${(error as Error).message}; npm run setup installs it (Debian's dataset-fashion-mnist)`,
        { kind: "usage" },
      );
    }
  };
  return {
    pixels: bytes(`${part}-images-idx3-ubyte.gz`).subarray(16, 16 + count * PIXELS),
    labels: bytes(`${part}-labels-idx1-ubyte.gz`).subarray(8, 8 + count),
  };
}
