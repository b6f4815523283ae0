/**
 * From the parts that a data set has to those that a run needs: what it lacks is split off its training part.
 *
 * @module
 */
import type { PeaError } from "@pea/core";
import { SettingError } from "../../common/setting-error.ts";
import type { SplitKind } from "../sources/part-names.ts";
import type { Dataset } from "./dataset.ts";
import { countSamples, type DataPart, isInMemory, selectPart } from "./part.ts";
import { labelsOf, type Split, splitByPosition } from "./split.ts";
import { type DrawOptions, keepByName, splitByName } from "./split-by-name.ts";

/** How a recipe cuts data; see its keys of these names. */
export interface CutSettings {
  /** Left out: by position, as images in memory are, which have no names. */
  readonly splitBy?: SplitKind;
  readonly valFraction: number;
  readonly validateOn: "split" | "test";
  readonly limitTrain: number;
  readonly seed: number;
}

/** Parts as they are found; null where there is none. */
export interface FoundParts<Part extends DataPart> {
  readonly train: Part;
  readonly validation: Part | null;
  readonly test: Part | null;
}

/** The parts of a run. */
export interface CutParts<Part extends DataPart> {
  readonly train: Part;
  /** null with valFraction 0, unless the data have a part of their own for it, or it is the test part (`validateOn`). */
  readonly validation: Part | null;
  readonly test: Part;
  /** What `limitTrain` leaves of the training part; null where that is nothing. */
  readonly unused: Part | null;
}

/** Where samples are: in a part, or left out by `limitTrain`. */
export const places = ["train", "validation", "test", "unused"] as const;
export type Place = (typeof places)[number];

/** Where a sample of the training part is to go, if that is settled already. */
export type KnownPlace = (index: number) => Place | undefined;

/** Share of the samples that become the test part where the data have none. */
const TEST_SHARE = 0.1;

/**
 * Cuts data: a test part off data without one, a tenth of each class and the same for all seeds; then the validation part
 * off the training data, so that it is the same whatever `limitTrain` is; then the rest to `limitTrain`. Data with a
 * validation part beside their test part keep it.
 *
 * @param known of the samples of `found.train`; splits by name keep to it
 * @throws PeaError of kind usage when there are too few for what is asked
 */
export function cutParts<Part extends DataPart>(
  found: FoundParts<Part>,
  settings: CutSettings,
  known?: KnownPlace,
): CutParts<Part> {
  const { splitBy, valFraction, validateOn, seed } = settings;
  const whole = splitOff(found.train, found.test === null && TEST_SHARE, "test", { splitBy, seed: 0, known });
  const test = found.test ?? (whole.off as Part);
  const share = found.validation === null && valFraction > 0 && valFraction;
  const rest = splitOff(whole.part, share, "validation", { splitBy, seed, known: whole.known });
  const validation = validateOn === "test" ? test : (found.validation ?? rest.off);
  return { ...limit(rest.part, settings), validation, test };
}

/**
 * Splits samples off for validation, by position and stratified: what a run does with data in memory. Both parts keep the
 * order of the data.
 *
 * @param options.share share of the samples for validation, between 0 and 1
 * @throws PeaError (usage) when a part would be empty
 */
export function splitDataset<Part extends DataPart = Dataset>(
  part: Part,
  { share, seed }: { share: number; seed: number },
): { train: Part; validation: Part } {
  const { part: train, off } = splitOff(part, share, "validation", {
    splitBy: "position",
    seed,
    known: undefined,
  });
  return { train, validation: off as Part };
}

interface SplitOffOptions extends Pick<CutSettings, "splitBy" | "seed"> {
  readonly known: KnownPlace | undefined;
}

/** A part without a share of its samples, and these; the part as it is where there is none to split off. */
function splitOff<Part extends DataPart>(
  part: Part,
  share: number | false,
  purpose: "test" | "validation",
  { splitBy, seed, known }: SplitOffOptions,
): { part: Part; off: Part | null; known: KnownPlace | undefined } {
  if (share === false) return { part, off: null, known };
  const isKnown = (index: number) => {
    const settled = known?.(index);
    return settled === undefined ? undefined : settled === purpose;
  };
  const { kept, drawn } = draw(part, splitBy, { share, purpose, seed, known: isKnown });
  if (kept.length === 0 || drawn.length === 0) throw tooFew(purpose, share, kept.length + drawn.length);
  return {
    part: selectPart(part, kept),
    off: selectPart(part, drawn),
    known: known && ((index) => known(kept[index] as number)),
  };
}

function tooFew(purpose: "test" | "validation", share: number, count: number): PeaError {
  return new SettingError((name) =>
    purpose === "test"
      ? `the data have no test part, and ${count} training images are too few to split one off; give each class at least 3`
      : `a validation share (${name("valFraction")}) of ${share} leaves none of ${count} training images for one of the two parts; ` +
        "take another share, or none at all",
  );
}

function draw(part: DataPart, splitBy: SplitKind | undefined, options: DrawOptions): Split {
  const isByName = splitBy === "name" && !isInMemory(part);
  return isByName ? splitByName(part, options) : splitByPosition(labelsOf(part), options);
}

/** A stratified draw of as many training images as `limitTrain` asks for. */
function limit<Part extends DataPart>(
  part: Part,
  { limitTrain, ...settings }: CutSettings,
): { train: Part; unused: Part | null } {
  const available = countSamples(part);
  const count = limitTrain <= 1 ? Math.round(limitTrain * available) : limitTrain;
  if (count > available)
    throw new SettingError(
      (name) =>
        `${name("limitTrain")} is ${limitTrain}, but there are only ${available} training images beside the validation part`,
    );
  if (limitTrain === 1 || count === available) return { train: part, unused: null };
  const { kept, drawn } = someOf(part, limitTrain, settings);
  return { train: selectPart(part, kept), unused: selectPart(part, drawn) };
}

/** A stratified draw of no more samples than `largest`; the part itself where it has no more. */
export function atMost<Part extends DataPart>(
  part: Part,
  largest: number,
  settings: Pick<CutSettings, "splitBy" | "seed">,
): Part {
  return countSamples(part) <= largest ? part : selectPart(part, someOf(part, largest, settings).kept);
}

/** @param limit a share up to 1, or a number of samples, of which there are more */
function someOf(
  part: DataPart,
  limit: number,
  { splitBy, seed }: Pick<CutSettings, "splitBy" | "seed">,
): Split {
  if (splitBy === "name" && !isInMemory(part)) return keepByName(part, { limit, purpose: "limit", seed });
  const available = countSamples(part);
  const count = limit <= 1 ? Math.round(limit * available) : limit;
  const { kept, drawn } = splitByPosition(labelsOf(part), { share: count / available, seed });
  return { kept: drawn, drawn: kept };
}
