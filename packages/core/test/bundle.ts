import vm from "node:vm";
import { build } from "esbuild";

/** Packs an entry file, or code given as text, into one script for browsers, with nothing left to import. */
export async function bundleForBrowser(entry: { file: string } | { code: string }): Promise<{
  script: string;
  /** The files packed, relative to the folder of the package. */
  files: string[];
}> {
  const packageFolder = new URL("..", import.meta.url).pathname;
  const result = await build({
    ...("file" in entry
      ? { entryPoints: [entry.file] }
      : { stdin: { contents: entry.code, resolveDir: packageFolder } }),
    absWorkingDir: packageFolder,
    bundle: true,
    conditions: ["pea-source"],
    // Without this a missing file would be told on stderr as well as in the error.
    logLevel: "silent",
    format: "iife",
    globalName: "pea",
    metafile: true,
    platform: "browser",
    write: false,
  });
  return { script: result.outputFiles[0].text, files: Object.keys(result.metafile.inputs) };
}

/** Runs a script with nothing but the language itself and `globals`; returns its global scope. */
export function runBare(script: string, globals: Record<string, unknown> = {}): Record<string, unknown> {
  const scope = vm.createContext({ ...globals });
  vm.runInContext(script, scope);
  return scope;
}
