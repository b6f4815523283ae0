/**
 * The user's own networks, activations, data sets and methods, registered by a module of theirs.
 *
 * @module
 */
import { existsSync, statSync } from "node:fs";
import { register } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { PeaError } from "@pea/core";

/** What the user's module gets where it asks for these: this very code, wherever the module lies; zod for settings. */
const ownPackages = ["pea-train", "@pea/core", "@pea/graph", "@pea/torch", "@pea/kernels", "zod"];

/**
 * Resolves our packages to the copies that run, so that `registerModel` and its like reach the registry in use, and takes
 * TypeScript for ES modules, also where no package.json says so.
 */
const hooks = `
  let own;
  export function initialize(urls) { own = urls; }
  export async function resolve(specifier, context, next) {
    const resolved = await next(own[specifier] ?? specifier, context);
    return /\\.ts(\\?|$)/.test(resolved.url) ? { ...resolved, format: "module" } : resolved;
  }`;

/** What `import` may be: the path of a module, or of several. */
export type Imports = string | string[];

/** The paths that `import` names, in their order; none where it names none. */
export function importedFiles(imported: unknown): string[] {
  const paths: unknown[] = Array.isArray(imported) ? imported : [imported];
  return paths.filter((path) => typeof path === "string");
}

/** The same files by paths that hold wherever a later command runs; one path where it is one. */
export function resolveImports(imported: Imports): Imports {
  const [first = "", ...others] = importedFiles(imported).map((file) => resolve(file));
  return others.length === 0 ? first : [first, ...others];
}

/**
 * Runs the modules that `import` names, one after the other.
 *
 * @throws as `importFile`
 */
export async function importFiles(imported: unknown): Promise<void> {
  const files = importedFiles(imported);
  for (const file of files) await importFile(file, files);
}

let isPrepared = false;

/**
 * Runs a module, JavaScript or TypeScript (whose types are not checked), that calls `registerModel`, `registerMethod` or
 * their like. Running it again does nothing.
 *
 * @param together all that are to be imported: whoever names the place of one names them all
 * @throws PeaError (usage) when it is not there or cannot be run
 */
export async function importFile(file: string, together: readonly string[] = [file]): Promise<void> {
  if (!existsSync(file)) {
    const others = together.filter((other) => other !== file).map((other) => ` --import ${other}`);
    throw usage(
      `there is no module ${file} to import; if it has moved, name its place with --import` +
        (others.length > 0 ? `, beside${others.join("")}` : ""),
    );
  }
  if (statSync(file).isDirectory())
    throw usage(`${file} is a folder; name the module in it that is to be imported`);
  await prepare();
  try {
    await import(pathToFileURL(resolve(file)).href);
  } catch (error) {
    throw usage(`cannot import ${file}: ${error instanceof Error ? error.message : error}`, error);
  }
}

async function prepare(): Promise<void> {
  if (isPrepared) return;
  isPrepared = true;
  // Running from the sources, a loader of TypeScript is there.
  if (!import.meta.url.endsWith(".ts")) (await import("tsx/esm/api")).register();
  const urls = Object.fromEntries(ownPackages.map((name) => [name, import.meta.resolve(name)]));
  // Modules of older runs know pea-train by its former name.
  urls.pea = import.meta.resolve("pea-train");
  register(`data:text/javascript,${encodeURIComponent(hooks)}`, { data: urls });
}

const usage = (message: string, cause?: unknown): PeaError => new PeaError(message, { kind: "usage", cause });
