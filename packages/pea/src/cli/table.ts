import { readResults } from "../study/results.ts";
import { paperTable } from "../study/table.ts";
import type { TableNumber } from "../study/table-figures.ts";
import { type TableFormat, tableFormats } from "../study/table-format.ts";
import { type CommonOptions, printResult } from "./output.ts";

/** `pea table`: one of the paper's tables with its figures, a study's, or both. */
export function runTable(
  number: TableNumber,
  results: string | undefined,
  options: CommonOptions & { format: TableFormat },
): void {
  const tables = paperTable(number, results === undefined ? null : readResults(results));
  printResult(options, { table: number, tables }, () =>
    tables.map(tableFormats[options.format]).join("\n\n"),
  );
}
