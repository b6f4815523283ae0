import { existsSync } from "node:fs";
import { PeaError } from "@pea/core";
import { enumerate } from "../data/sources/list-folder.ts";
import type { Cell } from "./grid.ts";

/** Files to name where many are missing. */
const NAMED = 3;

/**
 * Refuses a study whose runs would fail one after the other.
 *
 * @throws PeaError (usage) naming the checkpoints to begin with that are not there
 */
export function checkInitialWeights(cells: readonly Cell[]): void {
  const paths = cells.flatMap(({ recipe: { initialCheckpoint: path } }) =>
    path === undefined || existsSync(path) ? [] : [path],
  );
  if (paths.length === 0) return;
  throw new PeaError(
    `${paths.length} of ${cells.length} runs begin with weights that are not there: ${enumerate([...new Set(paths)], NAMED)}; ` +
      "train those networks first, or correct initialCheckpoint (a run keeps its weights in checkpoints/last.safetensors)",
    { kind: "usage" },
  );
}
