/**
 * What runs mean that are older than a key of the recipe: where their settings lack it, they were trained in the one way
 * there was before it came.
 *
 * @module
 */
import { builtIn } from "../data/sets/built-in.ts";
import { type DatasetDescriptor, isCropped, isInFiles } from "../data/sets/dataset-descriptor.ts";
import type { RecipeInput } from "./recipe.ts";

/** Settings that were in force before their keys came, and the data that they concern. */
const former: readonly { settings: RecipeInput; concern: (dataset: DatasetDescriptor) => boolean }[] = [
  { settings: { evalCrop: "central" }, concern: isCropped },
  { settings: { splitBy: "position" }, concern: isInFiles },
  { settings: { exifOrientation: false }, concern: isInFiles },
];

/** Data sets of the user's own came after these keys: runs on them have them all. */
const olderDataset = (name: unknown) => builtIn.find((dataset) => dataset.name === name);

/** The settings that were in force for these data before their keys came. */
export function formerSettings(data: string): RecipeInput {
  const dataset = olderDataset(data);
  const inForce = dataset === undefined ? [] : former.filter(({ concern }) => concern(dataset));
  return Object.assign({}, ...inForce.map(({ settings }) => settings));
}

/**
 * The settings that a run, or a line of a study, was trained with: those it is too old to name among them, and without
 * `onBadSample` where it did nothing and once was taken all the same.
 */
export function settingsInForce(recorded: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { data } = recorded;
  const dataset = olderDataset(data);
  return {
    ...formerSettings(data as string),
    ...recorded,
    ...(dataset && !isInFiles(dataset) && { onBadSample: undefined }),
  };
}
