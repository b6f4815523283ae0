/** Lines of a recipe that tasks share. */
import type { DataFacts } from "./data-facts.ts";

/** A key, its value and what to know of it. */
export type RecipeLine = readonly [key: string, value: string | number | boolean, comment: string];

/** Which data, and how they are read. */
export function dataLines({
  dataset,
  import: imported,
  folder,
  labelBase,
  onMissingShard,
}: DataFacts): RecipeLine[] {
  const lines: RecipeLine[] = [
    ...(imported === undefined
      ? []
      : ([["import", JSON.stringify(imported), "The module that registers the data set."]] as const)),
    ["data", dataset.name, "The format of the data."],
    ["dataDir", JSON.stringify(folder), "Where they lie."],
  ];
  if (labelBase !== undefined) lines.push(["labelBase", labelBase, "Label of the first class."]);
  if (onMissingShard !== undefined)
    lines.push([
      "onMissingShard",
      onMissingShard,
      "Where files of a numbered set are missing; fail stops there.",
    ]);
  return lines;
}

export const peaLine: RecipeLine = [
  "pea",
  '"SM75%"',
  "Progressive ensemble activations: stochastic, from Mish to ReLU, ReLU alone from 75 % of the run on (the\n" +
    '# paper has 90 of 120 epochs). "none" is the ReLU baseline to compare with; "WG75%" is weighted, with GELU.',
];

export const seedLine: RecipeLine = [
  "seed",
  0,
  "Of the weights, the order, the augmentation and the masks. Compare means over several.",
];

export function batchLine(batchSize: number): RecipeLine {
  return [
    "batchSize",
    batchSize,
    "Images per update of the weights; microBatch: N takes them N at a time where memory is short.",
  ];
}

/** A power of two, so that an epoch has some tens of updates, from 8 to the paper's 256; less where there are few images. */
export function batchFor(images: number): number {
  const wanted = 2 ** Math.floor(Math.log2(Math.max(1, images / 20)));
  return Math.max(1, Math.min(256, Math.max(8, wanted), Math.floor(images)));
}
