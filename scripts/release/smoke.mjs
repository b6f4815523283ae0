/** What a project does with the packages: makes photos, trains on them, exports, asks. Prints what it ran on. */
import { mkdirSync } from "node:fs";
import { engineInfo } from "@pea/torch";
import { nativeBinaries } from "@pea/torch/binaries";
import { exportRun, train } from "pea-train";
import sharp from "sharp";

for (const [name, background] of [
  ["red", "#c02020"],
  ["blue", "#2020c0"],
]) {
  mkdirSync(`photos/${name}`, { recursive: true });
  for (let i = 0; i < 20; i++)
    await sharp({ create: { width: 40 + i, height: 40, channels: 3, background } })
      .jpeg()
      .toFile(`photos/${name}/${i}.jpg`);
}
const { runDirectory, last } = await train(
  {
    ...{ model: "mobilenet-0.25-small", pea: "SM50%", epochs: 2, batchSize: 8, lr: 0.01 },
    ...{ data: "imagefolder", dataDir: "photos", imageSize: 32 },
  },
  { runDirectory: "run", overwrite: true },
);
const { operators, largestDifference } = await exportRun(runDirectory);
const { engine, origin } = nativeBinaries();
console.log(
  JSON.stringify({
    engine: engine.name,
    libraries: engineInfo().libraries,
    origin,
    activations: operators.Relu,
    isExact: largestDifference < 1e-4,
    isScored: last.test.top1 >= 0,
  }),
);
