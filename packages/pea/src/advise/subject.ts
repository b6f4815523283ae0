/**
 * What advice is asked on: a recipe, or a folder of data, for which a recipe is made.
 *
 * @module
 */
import { existsSync, statSync } from "node:fs";
import { basename, extname, join, resolve } from "node:path";
import { PeaError } from "@pea/core";
import { writeFileAtomically } from "@pea/torch";
import { makeDirectory } from "../common/make-directory.ts";
import { findData } from "../init/find-data.ts";
import { recipeText } from "../init/recipe-text.ts";
import { methodKeyNames } from "../recipe/method-keys.ts";
import { readYaml } from "../recipe/recipe-file.ts";

/** The word for it in names of folders. */
export function nameOfSubject(path: string): string {
  return basename(resolve(path), extname(path)).replace(/[^\w.-]+/g, "-");
}

/**
 * The file of the recipe to advise on. One for a folder of data is made as `pea init` makes it, but for the methods, and kept.
 *
 * @param path of a recipe in YAML, or of a folder
 * @param output folder that a recipe is made in
 * @throws PeaError (usage) for what is neither, and where `output` has the recipe of another folder
 */
export async function recipeFileFor(path: string, output: string): Promise<string> {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined)
    throw new PeaError(`there is no ${path}; give a folder of data, or a recipe in YAML`, { kind: "usage" });
  if (!found.isDirectory()) return path;
  const file = join(output, "data.yaml");
  if (existsSync(file)) {
    const { dataDir } = readYaml(file).settings as { dataDir?: unknown };
    if (dataDir === resolve(path)) return file;
    throw new PeaError(
      `${file} is the recipe of another folder, ${dataDir}; give this one another --output, or move ${output} away`,
      { kind: "usage" },
    );
  }
  const text = recipeText(await findData(resolve(path)), file, methodKeyNames);
  makeDirectory(output);
  writeFileAtomically(file, [Buffer.from(text)]);
  return file;
}
