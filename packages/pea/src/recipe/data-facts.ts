/**
 * What a recipe for data of one's own is made of: what was found in a folder.
 *
 * @module
 */

import type { PartsDescription } from "../data/parts/describe-parts.ts";
import type { DatasetDescriptor, OpenDatasetOptions } from "../data/sets/dataset-descriptor.ts";
import type { Size } from "../images/transforms/crop.ts";
import type { Imports } from "./import-file.ts";

/** What the user tells of the data. */
export type ReadingOptions = Pick<OpenDatasetOptions, "labelBase" | "onMissingShard">;

/** What a recipe is made for. */
export interface DataFacts extends ReadingOptions {
  readonly dataset: DatasetDescriptor;
  /** The module that registers the data set. */
  readonly import?: Imports;
  readonly folder: string;
  /** Parts, classes and what to tell of them; nothing is split off the training part for validation yet. */
  readonly parts: PartsDescription;
  /** Of the image in the middle when the images are sorted by their shorter side. */
  readonly size: Size;
  /** Whether the sizes looked at differ. */
  readonly sizesDiffer: boolean;
  /** What else is worth knowing of the images looked at. */
  readonly remarks: readonly string[];
}
