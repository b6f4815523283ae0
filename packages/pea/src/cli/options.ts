/** What several commands have in common: options, the words of numbers, examples. */
import { type Command, InvalidArgumentError, Option } from "commander";

export const common = (command: Command): Command =>
  command
    .option("--json", "print one JSON document on stdout; all else goes to stderr")
    .option("--debug", "show the stack of an error");

export const checkpointOption = (): Option =>
  new Option("--checkpoint <NAME>", "best or last model (default: best where there is one)").choices([
    "best",
    "last",
  ]);

/** Several modules take an option each. */
export const importOption = (
  help = "module (.js, .ts) that registers networks, activations or data sets of your own",
): Option =>
  new Option("--import <FILE>", help).argParser((file: string, before: string[] = []) => [...before, file]);

export const movedImportOption = (): Option =>
  importOption("module with the run's own network, activation or data set, if it has moved");

export const changedDataOption = (): Option =>
  new Option("--allow-changed-data", "go on although images to be scored on were trained on");

export const BAD_SAMPLE = "what to do at an image that cannot be read";
export const badSampleChoices = ["fail", "skip"];

export const badSampleOption = (): Option =>
  new Option("--on-bad-sample <NAME>", `${BAD_SAMPLE} (default: what the run does)`).choices(
    badSampleChoices,
  );

export const dataOption = (): Option =>
  new Option("--data-dir <DIR>", "folder of the data set, if it has moved");

/** @throws InvalidArgumentError, which commander words as the option's */
export function wholeNumber(word: string): number {
  return wholeNumberFrom(0, word);
}

/** @throws InvalidArgumentError, which commander words as the option's */
export function positiveNumber(word: string): number {
  return wholeNumberFrom(1, word);
}

function wholeNumberFrom(least: number, word: string): number {
  if (/^\d+$/.test(word) && Number(word) >= least) return Number(word);
  throw new InvalidArgumentError(`It must be a whole number of at least ${least}.`);
}

/** @throws InvalidArgumentError, which commander words as the option's */
export function decimal(word: string): number {
  if (!/^\d+(\.\d+)?$/.test(word)) throw new InvalidArgumentError("It must be a number, as 0.5.");
  return Number(word);
}

const secondsIn: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

/**
 * @returns seconds
 * @throws InvalidArgumentError, which commander words as the option's
 */
export function duration(word: string): number {
  const [, count, unit] = /^(\d+(?:\.\d+)?)([smh])$/.exec(word) ?? [];
  if (count === undefined || unit === undefined || Number(count) === 0)
    throw new InvalidArgumentError("It must be seconds, minutes or hours, as 90s, 30m or 1.5h.");
  return Number(count) * (secondsIn[unit] as number);
}

export const example = (...lines: string[]): string =>
  `\nExamples:\n${lines.map((line) => `  $ ${line}`).join("\n")}\n`;
