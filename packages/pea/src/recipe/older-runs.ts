/**
 * What runs mean that are older than a key of the recipe: where their settings lack it, they were trained in the one way
 * there was before it came.
 *
 * @module
 */
import { type DataName, hasLabelMaps, isStreamed } from "../data/sets/data-names.ts";
import type { RecipeInput } from "./recipe.ts";

/** Settings that were in force before their keys came, and the data that they concern. */
const former: readonly { settings: RecipeInput; concern: (data: DataName) => boolean }[] = [
  { settings: { evalCrop: "central" }, concern: (data) => isStreamed(data) && !hasLabelMaps(data) },
  { settings: { splitBy: "position" }, concern: isStreamed },
  { settings: { exifOrientation: false }, concern: isStreamed },
];

/** The settings that were in force for these data before their keys came. */
export function formerSettings(data: DataName): RecipeInput {
  return Object.assign({}, ...former.filter(({ concern }) => concern(data)).map(({ settings }) => settings));
}

/**
 * The settings that a run, or a line of a study, was trained with: those it is too old to name among them, and without
 * `onBadSample` where it did nothing and once was taken all the same.
 */
export function settingsInForce(recorded: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const data = recorded.data as DataName;
  return {
    ...formerSettings(data),
    ...recorded,
    ...(!isStreamed(data) && { onBadSample: undefined }),
  };
}
