/**
 * What the parts of a data set hold, class by class.
 *
 * @module
 */

import { enumerate } from "../sources/list-folder.ts";
import { partWords } from "../sources/part-names.ts";
import type { CutParts } from "./cut-parts.ts";
import { countSamples, type DataPart, isInMemory } from "./part.ts";
import { labelsOf } from "./split.ts";

/** Images of each part. */
export interface PartSizes {
  train: number;
  validation: number;
  test: number;
}

export interface PartsDescription {
  readonly images: PartSizes;
  readonly classes: readonly string[];
  /** By name of the class; null where each pixel has a label. */
  readonly imagesPerClass: Readonly<Record<string, PartSizes>> | null;
  /** What was taken for what, and what was passed over. */
  readonly notes: readonly string[];
  /** What is likely to be a mistake. */
  readonly warnings: readonly string[];
}

/** Counts the images of parts, and warns of classes that a part has none of. */
export function describeParts({
  notes,
  ...parts
}: Pick<CutParts<DataPart>, "train" | "validation" | "test"> & {
  readonly notes: readonly string[];
}): PartsDescription {
  const { train, validation, test } = parts;
  const { classes } = train;
  const images = {
    train: countSamples(train),
    validation: validation === null ? 0 : countSamples(validation),
    test: countSamples(test),
  };
  const hasLabelMaps = !isInMemory(train) && train.labelTable !== undefined;
  const perClass = hasLabelMaps ? null : countPerClass(parts, classes);
  return {
    images,
    classes,
    imagesPerClass: perClass && Object.fromEntries(perClass),
    notes,
    warnings: perClass === null ? [] : warningsOf(parts, perClass),
  };
}

type ClassSizes = readonly (readonly [name: string, sizes: PartSizes])[];

function countPerClass(
  { train, validation, test }: Pick<CutParts<DataPart>, "train" | "validation" | "test">,
  classes: readonly string[],
): ClassSizes {
  const counts = classes.map((name): [string, PartSizes] => [name, { train: 0, validation: 0, test: 0 }]);
  for (const [key, part] of Object.entries({ train, validation, test }))
    for (const label of part === null ? [] : labelsOf(part)) {
      const sizes = counts[Number(label)]?.[1];
      if (sizes) sizes[key as keyof PartSizes]++;
    }
  return counts;
}

function warningsOf(
  { validation, test }: Pick<CutParts<DataPart>, "validation" | "test">,
  perClass: ClassSizes,
): string[] {
  const isOwn = validation !== null && validation !== test;
  const keys = isOwn ? (["train", "validation", "test"] as const) : (["train", "test"] as const);
  return keys.flatMap((key) => {
    const lacking = perClass
      .filter(([, sizes]) => sizes[key] === 0)
      .map(([name, sizes]) => `${name} (${total(sizes)} in all)`);
    return lacking.length === 0 ? [] : [`the ${partWords[key]} part has no image of ${enumerate(lacking)}`];
  });
}

const total = ({ train, validation, test }: PartSizes): number => train + validation + test;
