/**
 * What is said and done about data that are not those that a run began with.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import {
  compareParts,
  describeChanges,
  isUnchanged,
  type PartChanges,
  type ScoredPart,
} from "../data/parts/part-changes.ts";
import { enumerate } from "../data/sources/list-folder.ts";
import { partWords } from "../data/sources/part-names.ts";
import type { TestData } from "./open-data.ts";
import type { RunRecord } from "./parts-record.ts";

/** What to do about data that have changed since a run began. */
export interface ChangedDataOptions {
  /** Go on although images that the network is scored on were trained on. */
  allowChangedData?: boolean;
  /** Told what there is to know of the data. */
  onNote?: (note: string) => void;
}

/**
 * How the data have changed since a run began, told where they have; null where that is not known.
 *
 * @param path folder of the run
 */
export function tellChanges(
  path: string,
  { parts }: RunRecord,
  data: Pick<TestData, "identify">,
  { onNote }: ChangedDataOptions,
): PartChanges | null {
  if (parts === null) {
    onNote?.(
      `${path} was begun by a version that kept no record of the images: whether they have changed is not known`,
    );
    return null;
  }
  const changes = compareParts(parts, data.identify());
  if (!isUnchanged(changes))
    onNote?.(`the data have changed since ${path} began: ${describeChanges(changes)}`);
  return changes;
}

/** The names of the images among those scored on that were trained on. */
export function namesOfTrainedOn(
  changes: PartChanges,
  data: Pick<TestData, "nameOf">,
): Record<ScoredPart, string[]> {
  const names = (key: ScoredPart) => changes.trainedOn[key].map((index) => data.nameOf(key, index));
  return { validation: names("validation"), test: names("test") };
}

/** @throws PeaError of kind usage where images of a part were trained on, naming some of them */
export function refuseTrainedOn(
  path: string,
  changes: PartChanges,
  data: Pick<TestData, "nameOf">,
  part: ScoredPart,
): void {
  const names = namesOfTrainedOn(changes, data)[part];
  if (names.length === 0) return;
  throw new PeaError(
    `${names.length} of the ${changes.images[part]} ${partWords[part]} images were trained on by ${path}, ` +
      `so that scores on them say nothing of new images: ${enumerate(names)}. Restore the data as they were, or go on all ` +
      "the same with --allow-changed-data",
    { kind: "usage" },
  );
}
