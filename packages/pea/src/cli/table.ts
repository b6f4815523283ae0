import { folderOf, readResults } from "../study/results.ts";
import { readPlan } from "../study/study-file.ts";
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
  const tables =
    results === undefined
      ? paperTable(number)
      : paperTable(number, readResults(results), readPlan(folderOf(results)));
  printResult(options, { table: number, tables }, () =>
    tables.map(tableFormats[options.format]).join("\n\n"),
  );
}
