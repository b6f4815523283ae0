import { existsSync } from "node:fs";
import { PeaError } from "@pea/core";
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
  const missing = [...new Set(paths)];
  const named = missing.slice(0, NAMED).join(", ");
  const more = missing.length > NAMED ? ` and ${missing.length - NAMED} more` : "";
  throw new PeaError(
    `${paths.length} of ${cells.length} runs begin with weights that are not there: ${named}${more}; ` +
      "train those networks first, or correct initialCheckpoint (a run keeps its weights in checkpoints/last.safetensors)",
    { kind: "usage" },
  );
}
