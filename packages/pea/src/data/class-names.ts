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

/**
 * Names for the classes of labels that run from 0: what is told of them, else their numbers.
 *
 * @throws PeaError (usage) for a class that no sample has: a sign of labels that begin at 1, or of missing data
 */
export function nameClasses(labels: Int32Array | Uint8Array, told?: ReadonlyMap<number, string>): string[] {
  const found = new Set(labels);
  const greatest = (labels as Int32Array).reduce((a, b) => Math.max(a, b), -1);
  const names: string[] = [];
  for (let label = 0; label <= greatest; label++) {
    if (!found.has(label)) {
      throw usage(
        `no sample of the training part has the label ${label} (counted from 0), but some have greater ones. ` +
          "If the labels are right, list the names of all classes in a file classes.txt beside the data, one a line",
      );
    }
    names.push(told?.get(label) ?? `${label}`);
  }
  return names;
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
