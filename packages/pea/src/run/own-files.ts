/**
 * What a run has written for itself, which nothing else may take the place of.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { PeaError } from "@pea/core";
import { runDirectory } from "./run-directory.ts";

/**
 * Checks that a file which somebody names for something else is none that a run goes on with.
 *
 * @throws PeaError of kind usage, with a name that is free
 */
export function requireNoFileOfRun(file: string): void {
  const path = resolve(file);
  const folder = dirname(path);
  const run = [folder, dirname(folder)].map(runDirectory).find(({ checkpoints }) => existsSync(checkpoints));
  if (run === undefined) return;
  const { path: _, model, report, ...own } = run;
  if (!Object.values(own).includes(path) && folder !== run.checkpoints) return;
  throw new PeaError(
    `${file} is a file of the run in ${relative("", run.path) || run.path} itself; name another one`,
    { kind: "usage" },
  );
}
