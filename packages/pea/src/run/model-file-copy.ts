/** The file of a run's network, kept with the run. */
import { copyFileSync, mkdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isModelFile } from "../common/model-file-name.ts";
import { namesOfFile } from "../import/network/model-file.ts";
import type { RunDirectory } from "./run-directory.ts";

/** Copies the file that a network came from, and those of its weights beside it, so that the run needs nothing else. */
export function copyModelFile(run: RunDirectory, model: string): void {
  if (!isModelFile(model)) return;
  for (const name of namesOfFile(model)) {
    const copy = join(run.network, name);
    mkdirSync(dirname(copy), { recursive: true });
    copyFileSync(join(dirname(model), name), copy);
  }
}

/** Where the copy of a network's file lies in a run. */
export function modelFileCopy(run: RunDirectory, model: string): string {
  return join(run.network, basename(model));
}
