/**
 * `report.html`: runs side by side, the verdict first.
 * @module
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { PeaError } from "@pea/core";
import { writeFileAtomically } from "@pea/torch";
import { page } from "./page.ts";
import type { ReportRun } from "./run.ts";

/**
 * Writes the report on `runs` to `path`, one file that needs no network and no other file.
 * @throws PeaError for no runs at all
 */
export function writeReport(runs: readonly ReportRun[], path: string): void {
  if (runs.length === 0) throw new PeaError("A report needs at least one run.", { kind: "usage" });
  const library = createRequire(import.meta.url).resolve("echarts/dist/echarts.common.min.js");
  writeFileAtomically(path, [Buffer.from(page(runs, readFileSync(library, "utf8")))]);
}
