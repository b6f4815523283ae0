import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { PeaError } from "@pea/core";
import { importFile } from "../recipe/import-file.ts";
import { targetNames } from "./targets.ts";

/** The word for a target that means the same in any folder: a module's by its whole path. */
export function lastingWord(word: string): string {
  return targetNames().includes(word) || !existsSync(word) ? word : resolve(word);
}

/** Names of the targets that files have registered. */
const registeredBy = new Map<string, string>();

/**
 * The name of the target that a word means: the word itself, or what the module in a file of this name registers.
 *
 * @throws PeaError of kind usage when the module cannot be run, or registers no target
 */
export async function loadTarget(word: string): Promise<string> {
  if (targetNames().includes(word) || !existsSync(word)) return word;
  const file = resolve(word);
  const before = targetNames().length;
  await importFile(file);
  const name = registeredBy.get(file) ?? targetNames()[before];
  if (name === undefined)
    throw new PeaError(`${word} registers no target: it must call registerTarget`, { kind: "usage" });
  registeredBy.set(file, name);
  return name;
}
