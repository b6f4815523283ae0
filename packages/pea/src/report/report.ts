/**
 * `report.html`: runs side by side, the verdict first.
 * @module
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { PeaError } from "@pea/core";
import { writeFileAtomically } from "@pea/torch";
import { loadReportRun } from "./load-run.ts";
import { page } from "./page.ts";
import type { ReportRun } from "./run.ts";

/**
 * Writes the report on runs to `path`: one file that needs no network and no other file.
 * @param runDirectories finished or unfinished runs, in the order to show them
 * @throws PeaError for no runs at all, and for a directory that holds none
 */
export async function writeReport(runDirectories: readonly string[], path: string): Promise<void> {
  if (runDirectories.length === 0) throw new PeaError("a report needs at least one run", { kind: "usage" });
  const library = createRequire(import.meta.url).resolve("echarts/dist/echarts.common.min.js");
  const runs: ReportRun[] = [];
  for (const directory of runDirectories) runs.push(await loadReportRun(directory));
  writeFileAtomically(path, [Buffer.from(page(runs, readFileSync(library, "utf8")))]);
}
