/** The parts of data whose images stay in files, opened one by one. */
import { PeaError } from "@pea/core";
import { describePassedOver, sumCounts } from "../../images/image-names.ts";
import type { PartName } from "../sources/part-names.ts";
import type { OpenOptions, SampleSource } from "../sources/sample-source.ts";

/** The parts in a folder, and what to tell of them. */
export interface PartsInFolder<Files> {
  readonly parts: ReadonlyMap<PartName, Files>;
  readonly notes: readonly string[];
}

/** Parts that are to be opened. */
export interface FoundInFolder<Files> extends PartsInFolder<Files> {
  /** Where the parts were looked for, and what it should hold, for messages. */
  readonly folder: string;
  readonly dataset: { readonly name: string; readonly layout: string };
  /** Opens a part. */
  open(files: Files, options: OpenOptions): Promise<SampleSource>;
}

/** The parts of a data set as they are found. */
export interface PartsInFiles {
  readonly train: SampleSource;
  /** null where the data have no part of their own for it: then `test` is what they call validation. */
  readonly validation: SampleSource | null;
  /** null where the data have but one part, or none at all: then it is to be split off. */
  readonly test: SampleSource | null;
  /** What to tell of what was found: what was taken for what, and what was passed over. */
  readonly notes: readonly string[];
}

/**
 * Opens parts. With two, as ImageNet has them, the second one is the test part, whatever it is called; with three each is
 * what it is called. Labels of all parts count in the classes of the training part, or in those given.
 *
 * @throws PeaError (usage) where there is no training part; what opening a part throws
 */
export async function openParts<Files>(
  { parts, notes, folder, dataset, open }: FoundInFolder<Files>,
  { classes, labelBase, onOpening }: OpenOptions,
): Promise<PartsInFiles> {
  const [train, validation, test] = (["train", "validation", "test"] as const).map((part) => parts.get(part));
  const last = testFiles(parts);
  if (train === undefined)
    throw new PeaError(`${folder} has no training part; ${dataset.name} needs ${dataset.layout}`, {
      kind: "usage",
    });
  const training = await open(train, { classes, labelBase, onOpening });
  const openOther = async (files: Files | undefined) =>
    files === undefined ? null : open(files, { classes: training.classes, labelBase, onOpening });
  const sources = {
    train: training,
    validation: test === undefined ? null : await openOther(validation),
    test: await openOther(last),
  };
  const counts = Object.values(sources).flatMap((source) => source?.passedOver ?? []);
  const passedOver = describePassedOver(sumCounts(counts));
  return {
    ...sources,
    notes: [
      ...notes,
      ...(passedOver === undefined ? [] : [passedOver]),
      ...(test === undefined ? [`there is no test part: ${standIn(validation)}`] : []),
    ],
  };
}

/** The test part of what `openParts` would open, alone; null where there is none. */
export async function openTestPart<Files>(
  { parts, open }: FoundInFolder<Files>,
  { classes, labelBase, onOpening }: OpenOptions,
): Promise<SampleSource | null> {
  const files = testFiles(parts);
  return files === undefined ? null : open(files, { classes, labelBase, onOpening });
}

/** What stands in for a test part that is not there. */
function standIn(validation: unknown): string {
  return validation === undefined
    ? "about a tenth of the images of each class is kept for it"
    : "the validation part is taken for it";
}

function testFiles<Files>(parts: PartsInFolder<Files>["parts"]): Files | undefined {
  return parts.get("test") ?? parts.get("validation");
}
