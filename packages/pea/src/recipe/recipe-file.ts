/** Recipes in YAML files, and what they extend. */
import { readFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { PeaError } from "@pea/core";
import { parse as parseYaml } from "yaml";
import { isModelFile } from "../common/model-file-name.ts";
import { isRecord, type Layer, show } from "./recipe.ts";

/**
 * The settings of a YAML recipe file, unchecked: those of the file or the files that its `extends` names first, by paths
 * from its own folder, then its own.
 *
 * @param extending the files by way of which this one is read
 * @throws PeaError of kind usage when a file cannot be read or is no YAML, or extends itself
 */
export function readRecipeFile(path: string, extending: readonly string[] = []): Layer[] {
  const file = resolve(path);
  if (extending.includes(file)) throw usage(`${path} extends itself, by way of ${extending.join(", ")}`);
  const { source, settings } = readYaml(path);
  return isRecord(settings) ? extendSettings(source, settings, [...extending, file]) : [{ source, settings }];
}

/**
 * Settings that stand in a file, with those of the recipes that their `extends` names before them, by paths from the
 * file's folder.
 *
 * @throws PeaError of kind usage when one of these cannot be read, is no YAML or extends itself
 */
export function extendSettings(
  path: string,
  { extends: named, ...settings }: Readonly<Record<string, unknown>>,
  extending: readonly string[] = [],
): Layer[] {
  const bases: unknown[] = named === undefined ? [] : Array.isArray(named) ? named : [named];
  if (!bases.every((base) => typeof base === "string"))
    throw usage(
      `extends is ${show(named)} in ${path}, but must be the path of another recipe, or a list of them`,
    );
  return [
    ...bases.flatMap((base) => readRecipeFile(resolve(dirname(path), base), extending)),
    { source: path, settings },
  ];
}

/**
 * The keys and values of one YAML file, unchecked.
 *
 * @throws PeaError of kind usage when the file cannot be read or is no YAML
 */
export function readYaml(path: string): Layer {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw usage(`cannot read ${path}: ${(error as Error).message}`);
  }
  try {
    return { source: path, settings: besideFile(path, parseYaml(text) ?? {}) };
  } catch (error) {
    throw usage(`${path} is no valid YAML: ${(error as Error).message}`);
  }
}

/** A recipe, the modules it imports and the file of its network belong together, wherever they lie: paths count from its folder. */
export function besideFile(path: string, settings: unknown): unknown {
  if (!isRecord(settings)) return settings;
  const place = (file: unknown) => (typeof file === "string" ? resolve(dirname(path), file) : file);
  const { import: imported, model } = settings;
  return {
    ...settings,
    ...(imported != null && { import: Array.isArray(imported) ? imported.map(place) : place(imported) }),
    ...(typeof model === "string" && isModelFile(model) && { model: relative("", place(model) as string) }),
  };
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
