import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { PeaError } from "@pea/core";
import { writeFileAtomically } from "@pea/torch";
import { parse } from "yaml";
import type { LabelBase } from "../data/sources/label.ts";
import { findData } from "../init/find-data.ts";
import { recipeText } from "../init/recipe-text.ts";
import { type Imports, importFiles, resolveImports } from "../recipe/import-file.ts";
import { resolveRecipe } from "../recipe/recipe.ts";
import { countImages, describeData } from "../terminal/describe-data.ts";
import { type CommonOptions, printResult } from "../terminal/output.ts";

interface InitOptions extends CommonOptions {
  dataDir?: string;
  import?: Imports;
  output: string;
  force?: boolean;
  labelBase?: "0" | "1";
  onMissingShard?: "fail" | "skip";
}

/** `pea init`: a commented recipe for the data in a folder. */
export async function runInit(
  directory: string | undefined,
  { dataDir, output, force, import: imported, labelBase, onMissingShard, ...options }: InitOptions,
): Promise<void> {
  if (directory !== undefined && dataDir !== undefined && directory !== dataDir)
    throw usage(`the data's folder is given twice, ${directory} and ${dataDir}; leave one out`);
  const folder = resolve(directory ?? dataDir ?? ".");
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw usage(`there is no folder ${folder}`);
  if (existsSync(output) && !force)
    throw usage(`${output} is there already; take another name with --output, or replace it with --force`);
  await importFiles(imported);
  const facts = await findData(folder, {
    ...(labelBase && { labelBase: Number(labelBase) as LabelBase }),
    ...(onMissingShard && { onMissingShard }),
  });
  const text = recipeText({ ...facts, ...(imported && { import: resolveImports(imported) }) }, output);
  const { dataset, ...found } = facts;
  const recipe = resolveRecipe({ source: output, settings: parse(text) });
  try {
    writeFileAtomically(output, [Buffer.from(text)]);
  } catch (error) {
    throw usage((error as Error).message);
  }
  printResult(options, { file: output, found: { data: dataset.name, ...found }, recipe }, () =>
    [
      `${folder}: ${dataset.name}, ${countImages(facts.parts)} of ${facts.parts.classes.length} classes`,
      ...describeData(facts.parts),
      ...facts.remarks,
      `wrote ${output}; see its plan with: pea train -c ${output} --dry-run`,
    ].join("\n"),
  );
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
