import { join } from "node:path";
import { exitCodeOf, stopSignals } from "../common/stop-signals.ts";
import { targetHead, targetRows } from "../study/compared-targets.ts";
import { compareGroups, comparisonHead, comparisonRows } from "../study/comparison-files.ts";
import { secondsOf } from "../study/estimate.ts";
import { type Cell, gridOf } from "../study/grid.ts";
import { Ledger } from "../study/ledger.ts";
import { runStudy, runsToTrain, type StudyOutcome } from "../study/run-study.ts";
import { planOf, readStudy, type Study } from "../study/study-file.ts";
import { hasEnded, StudyFolders } from "../study/study-folders.ts";
import { createStudyProgress } from "../study/study-progress.ts";
import { isWhole } from "../study/study-targets.ts";
import { type CommonOptions, formatTable, log, printResult } from "../terminal/output.ts";
import { formatSeconds } from "../terminal/time-left.ts";

interface StudyFlags extends CommonOptions {
  config: string;
  output?: string;
  runs: string;
  jobs: number;
  allowChangedData?: boolean;
  dryRun?: boolean;
}

/**
 * `pea study`.
 *
 * @returns exit code 0; 1 when runs failed; 130, 143 or 129 when a signal stopped the study
 */
export async function runStudyCommand(flags: StudyFlags): Promise<number> {
  const study = await readStudy(flags.config);
  const grid = gridOf(study);
  const ledger = new Ledger(flags.output ?? join("results", study.name), grid);
  const folders = new StudyFolders(flags.runs, study.name);
  const { jobs } = flags;
  if (flags.dryRun) {
    printGrid(flags, study.name, { grid, ledger, folders });
    return 0;
  }
  const stop = stopSignals((name) => log(`\n${name}: each run finishes its step; once more ends at once`));
  const progress = createStudyProgress({ grid, ledger, jobs }, process.stderr);
  let outcome: StudyOutcome;
  let code: number;
  try {
    outcome = await runStudy({
      study,
      grid,
      ledger,
      folders,
      jobs,
      signal: stop.signal,
      allowChangedData: flags.allowChangedData,
      onNote: log,
      observer: progress,
    });
    if (outcome.stopped) code = exitCodeOf(stop.signal.reason);
    else code = outcome.failed.length > 0 ? 1 : 0;
  } finally {
    progress.stop();
    stop.dispose();
  }
  printOutcome(flags, study, { grid, ledger, outcome });
  return code;
}

interface GridState {
  grid: readonly Cell[];
  ledger: Ledger;
}

/** `--dry-run`. */
function printGrid(
  flags: StudyFlags,
  name: string,
  { grid, ledger, folders }: GridState & { folders: StudyFolders },
): void {
  const isDone = (cell: Cell) => ledger.has(cell) || isWhole(folders.pathOf(cell), cell.targets);
  const isTrained = (cell: Cell) => isDone(cell) || hasEnded(folders.pathOf(cell));
  const missing = runsToTrain(grid, isTrained);
  const toExport = runsToTrain(grid, isDone).length - missing.length;
  const seconds = missing.map(([cell]) => secondsOf(cell as Cell, grid, ledger));
  const estimate = seconds.includes(null)
    ? null
    : seconds.reduce<number>((sum, part) => sum + (part ?? 0), 0) / flags.jobs;
  const document = {
    study: name,
    output: ledger.folder,
    runs: grid.map((cell) => ({
      network: cell.network,
      dataset: cell.dataset,
      variant: cell.variant,
      seed: cell.seed,
      hash: cell.hash,
      done: isDone(cell),
      directory: folders.pathOf(cell),
    })),
    done: grid.filter(isDone).length,
    toTrain: missing.length,
    toExport,
    estimatedSeconds: estimate,
  };
  printResult(flags, document, () =>
    [
      formatTable(
        ["network", "data", "variant", "seed", "epochs", "state", "hash"],
        grid.map((cell) => [
          cell.network,
          cell.dataset,
          cell.variant,
          cell.seed,
          cell.recipe.epochs,
          isDone(cell) ? "done" : isTrained(cell) ? "to export" : "to train",
          cell.hash,
        ]),
      ),
      "",
      `${grid.length} runs, ${document.done} of them done, ${missing.length} to train${toExport > 0 ? `, ${toExport} to export` : ""}`,
      estimate === null
        ? "time: not known before the first run has ended"
        : `time: about ${formatSeconds(estimate)} with ${flags.jobs} at a time`,
      `results: ${ledger.folder}`,
    ].join("\n"),
  );
}

function printOutcome(
  flags: StudyFlags,
  study: Study,
  { grid, ledger, outcome }: GridState & { outcome: StudyOutcome },
): void {
  const { trained, failed, stopped } = outcome;
  const done = grid.filter((cell) => ledger.has(cell)).length;
  const document = {
    study: study.name,
    output: ledger.folder,
    runs: grid.length,
    done,
    trained,
    stopped,
    comparisons: compareGroups(ledger.all(), planOf(study)),
    failed: failed.map(({ cell: { network, variant, seed, hash }, directory, message }) => ({
      network,
      variant,
      seed,
      hash,
      directory,
      message,
    })),
  };
  printResult(flags, document, () =>
    [
      `${done} of ${grid.length} runs done, ${trained} of them now`,
      ...document.comparisons.flatMap((group) => [
        "",
        `${group.network} on ${group.dataset}`,
        formatTable(comparisonHead, comparisonRows(group)),
        ...group.targets.flatMap((target) => [
          `in integers: ${target.name}`,
          formatTable(targetHead, targetRows(target)),
        ]),
      ]),
      "",
      ...(done > 0 ? [`results: ${ledger.resultsFile}, ${join(ledger.folder, "table.md")}`] : []),
      ...failed.map(({ directory, message }) => `failed: ${directory}: ${message}`),
      ...(failed.length > 0 || stopped ? ["go on with the same command; failed runs are tried again"] : []),
    ].join("\n"),
  );
}
