/**
 * Whether data are those that a recipe, or a run that has begun, expects.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import type { CutParts, FoundParts } from "../data/parts/cut-parts.ts";
import { countSamples, type DataPart } from "../data/parts/part.ts";
import { datasetNamed } from "../data/sets/registry.ts";
import { enumerate } from "../data/sources/list-folder.ts";
import type { Recipe } from "../recipe/recipe.ts";
import type { RunRecord } from "./parts-record.ts";

/**
 * Classes that were told apart by their numbers may have got names since: by `classes.txt`, or since examples' own names
 * are read.
 *
 * @throws PeaError of kind usage where the data have other classes than those that a run was trained on
 */
export function requireExpectedClasses(
  classes: readonly string[],
  { data }: Recipe,
  record: RunRecord | undefined,
): void {
  const before = record?.facts?.classes ?? classes;
  if (JSON.stringify(before) === JSON.stringify(classes)) return;
  const wereNumbers = datasetNamed(data).hasLabelBase && before.every((name, label) => name === `${label}`);
  if (wereNumbers && before.length === classes.length) return;
  const [added, gone] = [
    classes.filter((name) => !before.includes(name)),
    before.filter((name) => !classes.includes(name)),
  ];
  const changes = [
    ...(added.length > 0 ? [`new: ${enumerate(added)}`] : []),
    ...(gone.length > 0 ? [`gone: ${enumerate(gone)}`] : []),
  ];
  throw new PeaError(
    `the data have not the classes that the run was trained on (${changes.join("; ") || "they are in another order"}); ` +
      "give it the data it began with (--data-dir), or begin another run",
    { kind: "usage" },
  );
}

/** @throws PeaError of kind usage where the data have not as many images or classes as the recipe says (`expected`) */
export function requireExpectedCounts(
  found: FoundParts<DataPart>,
  parts: Pick<CutParts<DataPart>, "train" | "test">,
  recipe: Recipe,
): void {
  const test = countSamples(parts.test);
  const train = countSamples(found.train) - (found.test === null ? test : 0);
  requireCounts({ train, test, classes: parts.train.classes.length }, recipe);
}

const countedAs = { train: "training images", test: "test images", classes: "classes" };

/**
 * @param counts of what was opened
 * @throws as `requireExpectedCounts`
 */
export function requireCounts(
  counts: Partial<Record<"train" | "test" | "classes", number>>,
  { data, expected }: Recipe,
): void {
  if (expected === undefined) return;
  for (const key of ["train", "test", "classes"] as const)
    if (counts[key] !== undefined && counts[key] !== expected[key])
      throw new PeaError(
        `the recipe expects ${expected[key]} ${countedAs[key]} (expected.${key}), but the ${data} data have ${counts[key]}; complete the ` +
          `data, or train by a recipe that expects what they hold (--expected-${key} ${counts[key]})`,
        { kind: "usage" },
      );
}
