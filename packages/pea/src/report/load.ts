/**
 * What the report is asked for: runs by their directories, or a study by its results.
 * @module
 */

import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { PeaError } from "@pea/core";
import type { Result } from "../compare/results.ts";
import type { Imports } from "../recipe/import-file.ts";
import { importOf, planOf, STUDY_FILE, type StudyPlan } from "../study/study-file.ts";
import { openResults } from "../tables/open-results.ts";
import { loadReportRun } from "./load-run.ts";
import type { ReportRun } from "./run.ts";

/** The runs of a report, and where they come from. */
export interface ReportSource {
  /** Name of the run or study; of several runs, of the folder they lie in. */
  title: string;
  runs: ReportRun[];
  /** Folder the report belongs to. */
  directory: string;
  /** Where a study is described: beside its results; null for runs, and for results that tell nothing of it. */
  studyFile: string | null;
  /** What that says of it. */
  plan: StudyPlan | null;
}

/**
 * Reads what a report is to show.
 *
 * @param paths run directories; or one study: its folder, or its `results.jsonl`
 * @param moved where the module that they import lies now, if it has moved
 * @throws PeaError (usage) for no path, for one that holds neither run nor study, for one given twice, and for a study
 *   beside something else
 */
export async function loadReport(
  paths: readonly string[],
  moved: { import?: Imports } = {},
): Promise<ReportSource> {
  const [first] = paths;
  if (first === undefined) throw usage("a report needs at least one run, or a study");
  const studies = paths.filter(isStudy);
  if (studies.length > 0 && paths.length > 1)
    throw usage(`${studies[0]} is a study, which has a report of its own; give it alone`);
  if (studies.length === 1) return loadStudy(first, moved);
  const seen = new Set<string>();
  const runs: ReportRun[] = [];
  for (const path of paths) {
    requireRun(path);
    if (seen.has(resolve(path))) throw usage(`${path} is given twice`);
    seen.add(resolve(path));
    runs.push(await loadReportRun(path, moved));
  }
  const directory = paths.length === 1 ? first : commonFolder(paths);
  return {
    title: basename(resolve(directory)),
    runs: namedApart(runs),
    directory,
    studyFile: null,
    plan: null,
  };
}

async function loadStudy(path: string, moved: { import?: Imports }): Promise<ReportSource> {
  const { folder: directory, results, study } = await openResults(path, moved);
  return {
    title: basename(resolve(directory)),
    runs: results.map((result) => reportRun(result, study ? importOf(study, result) : undefined)),
    directory,
    studyFile: study && join(directory, STUDY_FILE),
    plan: study && planOf(study),
  };
}

/** @param imported the module that the run imports: a circumstance, which results do not tell */
function reportRun({ test, ...result }: Result, imported: unknown): ReportRun {
  const { network, dataset, variant, seed, metric, epochs } = result;
  const settings = result.settings ?? {};
  return {
    name: `${network}, ${variant}, seed ${seed}`,
    network,
    dataset,
    variant,
    seed,
    metric,
    epochs,
    settings: imported === undefined ? settings : { ...settings, import: imported },
    environment: result.environment ?? {},
    phases: result.phases ?? [],
    test: { ...test, images: result.testImages ?? null },
    selected: result.selected,
    seconds: result.seconds ?? null,
    ...(result.skipped && { skipped: result.skipped }),
    ...(result.targets && { targets: result.targets }),
  };
}

function isStudy(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats?.isDirectory()) return stats !== undefined && path.endsWith(".jsonl");
  return !existsSync(join(path, "config.yaml")) && existsSync(join(path, "results.jsonl"));
}

function requireRun(path: string): void {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isDirectory() && existsSync(join(path, "config.yaml"))) return;
  const expected =
    "expected is the folder of a run (it holds config.yaml), the folder of a study (it holds results.jsonl), or a " +
    "results.jsonl";
  if (!stats) throw usage(`${path} does not exist; ${expected}`);
  if (!stats.isDirectory()) throw usage(`${path} is neither a run nor a study; ${expected}`);
  const inside = readdirSync(path).filter((name) => existsSync(join(path, name, "config.yaml")));
  throw usage(
    inside.length > 0
      ? `${path} is a folder of runs; name those to report on, e.g. ${join(path, inside[0] as string)}, or all: ${join(path, "*")}`
      : `${path} is neither a run nor a study; ${expected}`,
  );
}

/** The innermost folder that holds all of the paths. */
function commonFolder(paths: readonly string[]): string {
  let common = dirname(resolve(paths[0] as string));
  while (!paths.every((path) => resolve(path).startsWith(join(common, "/")))) common = dirname(common);
  const near = relative(process.cwd(), common) || ".";
  return near.startsWith("..") ? common : near;
}

/**
 * Runs of one network, variant and seed differ in something else, which becomes part of the variant's name: two runs of
 * one name would be taken for one.
 */
function namedApart(runs: readonly ReportRun[]): ReportRun[] {
  const key = ({ network, dataset, variant, seed }: ReportRun) =>
    JSON.stringify([network, dataset, variant, seed]);
  return runs.map((run) => {
    const same = runs.filter((other) => key(other) === key(run));
    if (same.length === 1) return run;
    const differing = Object.keys(run.settings).filter(
      (name) => new Set(same.map(({ settings }) => JSON.stringify(settings[name]))).size > 1,
    );
    const details = differing.map((name) => `${name} ${show(run.settings[name])}`);
    return { ...run, variant: `${run.variant} (${details.length > 0 ? details.join(", ") : run.name})` };
  });
}

const show = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
