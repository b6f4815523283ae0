import { existsSync } from "node:fs";
import { basename, resolve } from "node:path";
import { skippedCounts } from "../data/loading/unreadable-images.ts";
import { readDiagnostics } from "../diagnose/index.ts";
import { readIntegerRecords } from "../export/integer-record.ts";
import { variantName } from "../recipe/method-keys.ts";
import type { Circumstances } from "../recipe/recipe-identity.ts";
import { readResult } from "../run/result.ts";
import { readCourse } from "../run/run-course.ts";
import { openRunDirectory, readRunConfig } from "../run/run-directory.ts";
import { openRecipeToShow } from "../run/trained-run.ts";
import { selectedOf } from "../study/collect.ts";
import { mainScore } from "../tasks/task.ts";
import type { ReportRun } from "./run.ts";

/**
 * What a report shows of the run in a directory, as far as the run has come.
 * @throws PeaError when the directory holds no run or a damaged one, or one that has not ended and whose data set is
 *   no longer there
 */
export async function loadReportRun(path: string, today: Circumstances = {}): Promise<ReportRun> {
  const run = openRunDirectory(path);
  const recipe = await openRecipeToShow(run, today);
  const result = readResult(run);
  const integers = readIntegerRecords(run);
  return {
    name: basename(resolve(path)),
    network: recipe.model,
    dataset: recipe.data,
    variant: variantName(recipe),
    seed: recipe.seed,
    settings: recipe,
    environment: { ...readRunConfig(run).environment },
    ...(await readCourse(run, today)),
    test: result && {
      best: result.best && mainScore(result.best.test),
      last: mainScore(result.last.test),
      images: result.testImages,
    },
    ...(result && {
      breakdown: result.breakdown,
      selected: selectedOf(result),
      whyNoBest: result.whyNoBest,
    }),
    ...(result?.skipped && { skipped: skippedCounts(result.skipped) }),
    ...(integers.length > 0 && { integers }),
    ...(existsSync(run.diagnostics) && { diagnostics: readDiagnostics(run.diagnostics) }),
  };
}
