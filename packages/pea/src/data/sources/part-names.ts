/**
 * The parts of a data set, and what they are called. Reading this file loads no engine.
 *
 * @module
 */

/** By what the samples of a part are drawn: their names, or their places in the data set. */
export const splitKinds = ["name", "position"] as const;
export type SplitKind = (typeof splitKinds)[number];

/** Part of a data set, as folders and files are named after it. */
export type PartName = "train" | "validation" | "test";

/** What messages call them. */
export const partWords: Readonly<Record<PartName, string>> = {
  train: "training",
  validation: "validation",
  test: "test",
};

/** What parts are called, in small letters. */
const usualNames: Readonly<Record<PartName, readonly string[]>> = {
  train: ["train", "training"],
  validation: ["validation", "val", "valid", "dev", "development", "eval", "evaluation"],
  test: ["test", "testing", "holdout"],
};

/** Words that say nothing beside them: `training_set`, `test images`, `seg_train`. */
const fillers = "set|sets|split|part|data|dataset|image|images|img|imgs|photos|pictures|seg|folder|files";

const partOfWord = new Map(
  Object.entries(usualNames).flatMap(([part, words]) => words.map((word) => [word, part as PartName])),
);
const anyWord = [...partOfWord.keys()].join("|");
const wordInName = new RegExp(`(?:^|[^a-z])(${anyWord})(?![a-z])`, "i");
const isFiller = new RegExp(`^(?:${fillers})?$`);
/** `trainset`, `TestImages`. */
const wordAndFiller = new RegExp(`^(${anyWord})(?:${fillers})?$`);

/** The part that a file's name speaks of: `train-00000-of-01024`, `imagenet-val-07.tar`, `test/000001.tar`. */
export function partOf(name: string): PartName | undefined {
  return partOfWord.get(wordInName.exec(name)?.[1]?.toLowerCase() ?? "");
}

/** The part that a folder is named after, and after nothing else: `Training`, `test_set`, `val2017`, but not `train_cats`. */
export function partOfFolder(name: string): PartName | undefined {
  const [word, ...others] = name
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter((word) => !isFiller.test(word));
  return others.length > 0 ? undefined : partOfWord.get(wordAndFiller.exec(word ?? "")?.[1] ?? "");
}

/** Whether a part is spoken of anywhere in a folder's name: `trainA`, `cats-test`. */
export function speaksOfPart(name: string): boolean {
  return partOf(name.replace(/([a-z])([A-Z])/g, "$1 $2")) !== undefined || partOfFolder(name) !== undefined;
}
