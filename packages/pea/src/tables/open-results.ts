/**
 * The results of a study together with the study, for tables and reports.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { folderOf, type Result, readResults } from "../compare/results.ts";
import { type Imports, importFile, importFiles } from "../recipe/import-file.ts";
import { areMethodsKnown } from "../recipe/method-keys.ts";
import { readStudy, STUDY_FILE, type Study } from "../study/study-file.ts";

/** The results of a study. */
export interface StudyResults {
  /** The folder they lie in. */
  folder: string;
  results: Result[];
  /** The study, described beside them; null where the results tell nothing of it. */
  study: Study | null;
}

/**
 * Reads the results of a study, and runs the modules that it imports, of which the names of its variants may be. Where one
 * is missing, results that are understood without it are read all the same.
 *
 * @param path the folder of the results, or their `results.jsonl`
 * @param options.import the module in the place of those that the study names
 * @throws PeaError (usage) where there are none, or a module is missing that they need
 */
export async function openResults(path: string, options: { import?: Imports } = {}): Promise<StudyResults> {
  const folder = folderOf(path);
  const file = join(folder, STUDY_FILE);
  const failures: unknown[] = [];
  await importFiles(options.import);
  const run = options.import === undefined ? importFile : async () => {};
  const study = existsSync(file)
    ? await readStudy(file, (module) => run(module).catch((error) => void failures.push(error)))
    : null;
  const results = readResults(path);
  if (failures.length > 0 && !results.every(isUnderstood)) throw failures[0];
  return { folder, results, study };
}

/** Are the methods and activations known that a result names? */
function isUnderstood({ settings = {} }: Result): boolean {
  return areMethodsKnown(settings);
}
