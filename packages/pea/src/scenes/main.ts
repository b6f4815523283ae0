/** `npm run scenes -- DIR`: makes a data set for segmentation. */
import { parseArgs } from "node:util";
import { PeaError } from "@pea/core";
import { parseImageSize } from "../images/image-size.ts";
import { asksForHelp } from "./asks-for-help.ts";
import { makeScenes } from "./make-scenes.ts";

const usage =
  "npm run scenes -- DIR [--size HxW] [--train N] [--val N] [--test N] [--seed N] [--data-dir DIR]";

async function main(): Promise<void> {
  if (asksForHelp(process.argv)) return console.log(usage);
  const { root, size, counts, seed, dataDir } = readArguments();
  const onSplit = (split: string, count: number) => console.log(`${split}: ${count} scenes`);
  await makeScenes(root, { size, counts, seed, dataDir, onSplit });
  console.log(`Train on them: npx pea-train train -c recipes/scenes/erfnet.yaml --data-dir ${root}`);
}

function readArguments() {
  try {
    const text = { type: "string" } as const;
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { size: text, train: text, val: text, test: text, seed: text, "data-dir": text },
    });
    const [root, ...more] = positionals;
    if (root === undefined || more.length > 0) throw new Error("give one folder to make");
    const size = parseImageSize(values.size ?? "64x128");
    if (size === null)
      throw new Error(`--size is ${values.size}, but must be height and width such as 64x128`);
    const counts = { train: count(values, "train"), val: count(values, "val"), test: count(values, "test") };
    return {
      root,
      size,
      counts: Object.fromEntries(Object.entries(counts).filter(([, value]) => value !== undefined)),
      seed: count(values, "seed"),
      dataDir: values["data-dir"],
    };
  } catch (error) {
    throw new PeaError(`${(error as Error).message}; ${usage}`, { kind: "usage" });
  }
}

function count(values: Readonly<Record<string, string | undefined>>, name: string): number | undefined {
  const value = values[name];
  if (value === undefined) return undefined;
  if (!/^\d+$/.test(value)) throw new Error(`--${name} is ${value}, but must be a whole number`);
  return Number(value);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof PeaError)) throw error;
  console.error(`scenes: ${error.message}`);
  process.exitCode = error.kind === "usage" ? 2 : 1;
}
