/**
 * `report.html`: runs or a study as one page, the verdict first.
 * @module
 */

import { readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { PeaError } from "@pea/core";
import { writeFileAtomically } from "@pea/torch";
import { quoted, shownCommand } from "../common/shown-command.ts";
import type { Imports } from "../recipe/import-file.ts";
import { requireNoFileOfRun } from "../run/own-files.ts";
import { loadReport, type ReportSource } from "./load.ts";
import { type ChartLibrary, page } from "./page.ts";
import { type Verdict, verdictsOn } from "./verdict.ts";

export interface ReportSummary {
  /** The page. */
  file: string;
  runs: number;
  /** One for each network and data set. */
  verdicts: Verdict[];
}

/**
 * Writes the report on runs, or on a study: one file that needs no network and no other file.
 *
 * @param paths run directories, finished or not; or the folder of one study, or its `results.jsonl`
 * @param file the page; left out: `report.html` in the folder of the run or study, for several runs in the folder that
 *   holds them all
 * @param options.import where the module with the activations of the runs lies now, if it has moved
 * @throws PeaError (usage) for what is neither a run nor a study, and for a place where the page cannot be
 */
export async function writeReport(
  paths: readonly string[],
  file?: string,
  options: { import?: Imports } = {},
): Promise<ReportSummary> {
  const source = await loadReport(paths, options);
  const path = file ?? join(source.directory, "report.html");
  checkPlace(path);
  const commands = commandsOf(source, paths, file);
  writeFileAtomically(path, [Buffer.from(page({ ...source, commands }, chartLibrary()))]);
  return { file: path, runs: source.runs.length, verdicts: verdictsOn(source.runs, source.plan) };
}

function checkPlace(file: string): void {
  const usage = (message: string) => new PeaError(message, { kind: "usage" });
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory())
    throw usage(`${file} is a folder; name the page, e.g. ${join(file, "report.html")}`);
  if (!statSync(dirname(file), { throwIfNoEntry: false })?.isDirectory())
    throw usage(`cannot write ${file}: there is no folder ${dirname(file)}`);
  requireNoFileOfRun(file);
}

function commandsOf({ studyFile }: ReportSource, paths: readonly string[], file?: string): string[] {
  const report = shownCommand(
    "report",
    ...paths.map(quoted),
    ...(file === undefined ? [] : ["-o", quoted(file)]),
  );
  return [...(studyFile === null ? [] : [shownCommand("study", "-c", quoted(studyFile))]), report];
}

/** ECharts, for the page and for its pictures. */
export function chartLibrary(): ChartLibrary {
  const require = createRequire(import.meta.url);
  const file = "echarts/dist/echarts.min.js";
  const echarts: typeof import("echarts", { with: { "resolution-mode": "require" }}) = require(file);
  return {
    source: readFileSync(require.resolve(file), "utf8"),
    toSvg(option, size) {
      const chart = echarts.init(null, null, { renderer: "svg", ssr: true, ...size });
      try {
        chart.setOption(option);
        return chart.renderToSVGString();
      } finally {
        chart.dispose();
      }
    },
  };
}
