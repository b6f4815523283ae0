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

/**
 * Writes the report on runs to `path`: one file that needs no network and no other file.
 * @param runDirectories finished or unfinished runs, in the order to show them
 * @throws PeaError for no runs at all, and for a directory that holds none
 */
export function writeReport(runDirectories: readonly string[], path: string): void {
  if (runDirectories.length === 0) throw new PeaError("a report needs at least one run", { kind: "usage" });
  const library = createRequire(import.meta.url).resolve("echarts/dist/echarts.common.min.js");
  const runs = runDirectories.map(loadReportRun);
  writeFileAtomically(path, [Buffer.from(page(runs, readFileSync(library, "utf8")))]);
}
