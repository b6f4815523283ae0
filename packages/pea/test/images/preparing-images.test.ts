import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import sharp from "sharp";
import { DecodePool } from "../../src/data/loading/decode-pool.ts";
import { decodeImage } from "../../src/images/decode.ts";
import { imagenetStatistics } from "../../src/images/known-statistics.ts";
import { describeInput, type NetworkInput, parseInput } from "../../src/images/network-input.ts";
import { prepareImages } from "../../src/predict/prepare-images.ts";
import { noiseImage } from "../support/images.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

/** A page for users: its code is what is tested here. */
const page = readFileSync(new URL("../../../../docs/preparing-images.md", import.meta.url), "utf8");
const snippet = (language: string) =>
  new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, "ms").exec(page)?.[1] ?? "";

const folder = temporaryFolder();
const pool = new DecodePool({ workers: 1 });
after(() => pool.close());

const colour = { ...imagenetStatistics, exifOrientation: true };
const grey = { mean: [0.2860405969887955], std: [0.3530242445149223], exifOrientation: true };
const inputs: NetworkInput[] = (["whole", "central", 40] as const).flatMap((crop) => [
  { ...colour, shape: [3, 24, 32], crop },
  { ...colour, shape: [3, 40, 40], crop },
  { ...grey, shape: [1, 28, 28], crop },
]);
/** Smaller and larger than the inputs, of their size, upright and not, as narrow as can be. */
const sizes = [
  [90, 61],
  [61, 90],
  [32, 24],
  [28, 28],
  [13, 7],
  [1, 50],
  [200, 3],
  [333, 250],
] as const;

/** An image, an input and what the product makes of them. */
interface Case {
  readonly input: NetworkInput;
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
  readonly expected: Buffer;
}
const cases: Case[] = [];

before(async () => {
  for (const [number, [width, height]] of sizes.entries()) {
    const path = join(folder, `${number}.png`);
    const turned = 1 + (number % 8);
    await sharp(await noiseImage(number, width, height))
      .withMetadata({ orientation: turned })
      .png()
      .toFile(path);
    const { data: rgb, ...size } = await decodeImage(readFileSync(path), { exifOrientation: true });
    for (const input of inputs) {
      const { images } = await prepareImages([path], input, pool);
      cases.push({ input, ...size, rgb, expected: Buffer.from(images.buffer) });
    }
  }
});

function assertSame(found: Buffer): void {
  let at = 0;
  for (const { input, width, height, expected } of cases) {
    const one = found.subarray(at, at + expected.length);
    assert.ok(one.equals(expected), `${width}×${height}, ${JSON.stringify(input)}`);
    at += expected.length;
  }
  assert.equal(at, found.length);
}

describe("the page on preparing images", () => {
  it("gives in Python the product's own input to the bit, from the metadata of an exported file", () => {
    const list = cases.map(({ input, width, height }) => ({
      width,
      height,
      preprocessing: describeInput(input),
    }));
    writeFileSync(join(folder, "cases.json"), JSON.stringify(list));
    writeFileSync(join(folder, "pixels"), Buffer.concat(cases.map(({ rgb }) => rgb)));
    writeFileSync(join(folder, "network_input.py"), snippet("python"));
    writeFileSync(
      join(folder, "main.py"),
      `import json
import numpy as np
from network_input import network_input
pixels = np.fromfile("pixels", np.uint8)
with open("out", "wb") as out:
    for case in json.load(open("cases.json")):
        size = case["height"] * case["width"] * 3
        rgb, pixels = pixels[:size].reshape(case["height"], case["width"], 3), pixels[size:]
        values = network_input(rgb, case["preprocessing"])
        assert values.dtype == np.float32 and list(values.shape) == [1] + case["preprocessing"]["shape"]
        values.tofile(out)
`,
    );
    execFileSync("/usr/bin/python3", ["main.py"], { cwd: folder });
    assertSame(readFileSync(join(folder, "out")));
  });

  it("gives in C the product's own input to the bit", () => {
    const codes: Record<string, string> = { whole: "CROP_WHOLE", central: "CROP_CENTRAL" };
    const calls = cases.map(({ input: { shape, crop, mean, std }, width, height }) => {
      const [network, crops] = [shape.join(", "), codes[crop] ?? crop];
      return `{ ${width}, ${height}, { ${network}, ${crops}, { ${mean.join(", ")} }, { ${std.join(", ")} } } },`;
    });
    writeFileSync(join(folder, "pixels"), Buffer.concat(cases.map(({ rgb }) => rgb)));
    writeFileSync(
      join(folder, "main.c"),
      `${snippet("c")}
#include <stdio.h>
static const struct { int width, height; struct network network; } cases[] = { ${calls.join("\n")} };
static unsigned char rgb[3 * 400 * 400];
static float values[3 * 64 * 64];
int main(void) {
  FILE *in = fopen("pixels", "rb"), *out = fopen("out", "wb");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const struct network *network = &cases[i].network;
    const size_t count = (size_t)network->channels * network->height * network->width;
    const size_t length = 3 * (size_t)cases[i].width * cases[i].height;
    if (fread(rgb, 1, length, in) != length) return 1;
    if (network_input(rgb, cases[i].width, cases[i].height, network, values)) return 2;
    if (fwrite(values, sizeof(float), count, out) != count) return 3;
  }
  return fclose(in) || fclose(out);
}
`,
    );
    execFileSync("cc", ["-std=c11", "-Wall", "-Wextra", "-Werror", "-O2", "-o", "main", "main.c", "-lm"], {
      cwd: folder,
    });
    execFileSync(join(folder, "main"), { cwd: folder });
    assertSame(readFileSync(join(folder, "out")));
  });
});

describe("what an exported file says of its input", () => {
  it("is read as it was written, and names every fact of the page", () => {
    for (const input of inputs) {
      const facts = describeInput(input);
      assert.deepEqual(parseInput("file", JSON.stringify(facts)), input);
      for (const key of Object.keys(facts)) assert.match(page, new RegExp(`\`${key}\``));
    }
  });
  it("has the window as a formula", () => {
    const window = (crop: NetworkInput["crop"]) =>
      describeInput({ ...colour, shape: [3, 24, 32], crop }).window;
    assert.equal(window("whole"), "the whole image");
    assert.match(
      window("central"),
      /^w = h = max\(1, floor\(7 \* min\(width, height\) \/ 8\)\), left = floor\(\(width - w/,
    );
    assert.match(
      window(40),
      /^w = max\(1, floor\(32 \* min\(width, height\) \/ 40\)\), h = max\(1, floor\(24 \* min/,
    );
  });
  it("of a file from before exifOrientation means images as they are stored", () => {
    const older = {
      layout: "NCHW",
      shape: [3, 24, 32],
      crop: "central",
      valueRange: [0, 1],
      ...imagenetStatistics,
    };
    const { crop, exifOrientation } = parseInput("file", JSON.stringify(older));
    assert.deepEqual([crop, exifOrientation], ["central", false]);
    for (const wrong of [
      { crop: "distorted" },
      { crop: 0 },
      { crop: 2.5 },
      { exifOrientation: 6 },
      { mean: [0] },
    ])
      assert.throws(
        () => parseInput("file", JSON.stringify({ ...older, ...wrong })),
        /file does not say in its metadata/,
      );
  });
});
