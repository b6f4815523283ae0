import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PeaError } from "@pea/core";

/** The names in the file `classes.txt` of a folder, one a line; undefined without that file. */
export function listedClasses(folder: string): string[] | undefined {
  const path = join(folder, "classes.txt");
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw usage(`cannot read ${path}: ${(error as Error).message}`);
  }
  const names = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  if (repeated !== undefined) throw usage(`${path} has the class "${repeated}" twice`);
  if (names.length === 0) throw usage(`${path} names no class`);
  return names;
}

/** How a user says where labels begin. */
export const FROM_ONE_HINT = "set labelBase to 1 (--label-base 1)";
export const FROM_ZERO_HINT = "set labelBase to 0 (--label-base 0)";

/**
 * Names for the classes of labels that run from 0: what is told of them, else their numbers.
 *
 * @param options.labelBase the number that stands for the first class in the data, by which messages call it
 * @throws PeaError (usage) for a class that no sample has: a sign of labels that begin at 1, or of missing data
 */
export function nameClasses(
  labels: Iterable<number>,
  { told, labelBase = 0 }: { told?: ReadonlyMap<number, string>; labelBase?: number } = {},
): string[] {
  const found = new Set(labels);
  let greatest = -1;
  for (const label of found) greatest = Math.max(greatest, label);
  const names: string[] = [];
  for (let label = 0; label <= greatest; label++) {
    if (!found.has(label)) {
      const hint = label + labelBase === 0 ? `If the labels count from 1, ${FROM_ONE_HINT}. ` : "";
      throw usage(
        `no sample of the training part has the label ${label + labelBase} (they count from ${labelBase}), but some have ` +
          `greater ones. ${hint}If the labels are right, list the names of all classes in a file classes.txt beside ` +
          "the data, one a line",
      );
    }
    names.push(told?.get(label) ?? `${label}`);
  }
  // Of two classes with one name each is told by its number, too.
  const isRepeated = (name: string, label: number) =>
    names.indexOf(name) !== label || names.lastIndexOf(name) !== label;
  return names.map((name, label) => (isRepeated(name, label) ? `${name} (${label})` : name));
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
