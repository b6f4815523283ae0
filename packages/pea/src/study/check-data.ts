/**
 * Whether a study that goes on still finds the data that its runs were trained on.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import { groupBy } from "../compare/group-by.ts";
import { KnownParts } from "../data/parts/known-parts.ts";
import { refuseTrainedOn, tellChanges } from "../run/changed-data.ts";
import { disposeData, openData, type RecipeData } from "../run/open-data.ts";
import { readRecord } from "../run/parts-record.ts";
import { openRunDirectory } from "../run/run-directory.ts";
import { readRecipe } from "../run/trained-run.ts";
import type { Cell } from "./grid.ts";
import type { Ledger } from "./ledger.ts";
import { isRun, type StudyFolders } from "./study-folders.ts";

export interface CheckDataOptions {
  grid: readonly Cell[];
  ledger: Ledger;
  folders: StudyFolders;
  allowChangedData?: boolean;
  onNote?: (note: string) => void;
}

/**
 * Compares the data with those of the runs that have begun, where there are others to train on them.
 *
 * @param waiting runs to train
 * @throws PeaError of kind usage where images that a run is scored on were trained on, unless that is allowed
 */
export async function checkData(options: CheckDataOptions, waiting: readonly Cell[]): Promise<void> {
  const { grid, allowChangedData, onNote } = options;
  for (const [data, [cell]] of groupBy(waiting, dataOf)) {
    const begun = [...groupBy(grid, ({ hash }) => hash).values()]
      .flatMap(([run]) => run ?? [])
      .filter((run) => dataOf(run) === data)
      .map((run) => ({ run, digest: digestOf(run, options) }))
      .filter(({ digest }) => digest !== undefined);
    const now = cell === undefined || begun.length === 0 ? null : await digestNow(cell);
    if (now === null) continue;
    const others = begun.filter(({ digest }) => digest !== now).map(({ run }) => run);
    if (others.length === 0) continue;
    onNote?.(
      `${others.length} of the ${begun.length} runs that have begun were trained on other data than there are now`,
    );
    for (const [i, run] of others.entries())
      await checkRun(run, { ...options, allowChangedData, onNote: i === 0 ? onNote : undefined });
  }
}

const dataOf = ({ dataset, recipe }: Cell): string => JSON.stringify([dataset, recipe.data, recipe.dataDir]);

/** The data that a run was trained on; undefined where that is not known, or it has not begun. */
function digestOf(cell: Cell, { ledger, folders }: CheckDataOptions): string | undefined {
  const path = folders.pathOf(cell);
  if (isRun(path)) return readRecord(openRunDirectory(path)).parts?.digest();
  return ledger.resultOf(cell)?.dataDigest;
}

/** null where the data cannot be opened: the runs will say why. */
async function digestNow({ recipe }: Cell): Promise<string | null> {
  let data: RecipeData;
  try {
    data = await openData(recipe);
  } catch (error) {
    if (error instanceof PeaError) return null;
    throw error;
  }
  try {
    return new KnownParts(data.identify()).digest();
  } finally {
    disposeData(data);
  }
}

/** @throws PeaError of kind usage where images that the run is scored on were trained on, unless that is allowed */
async function checkRun(cell: Cell, { folders, allowChangedData, onNote }: CheckDataOptions): Promise<void> {
  const path = folders.pathOf(cell);
  if (!isRun(path)) return;
  const run = openRunDirectory(path);
  const record = readRecord(run);
  const data = await openData(readRecipe(run, { dataDir: cell.recipe.dataDir }), { record });
  try {
    const changes = tellChanges(path, record, data, { onNote });
    if (changes && !allowChangedData)
      for (const part of ["validation", "test"] as const) refuseTrainedOn(path, changes, data, part);
  } finally {
    disposeData(data);
  }
}
