import { openResults } from "../study/open-results.ts";
import { planOf } from "../study/study-file.ts";
import { paperTable } from "../study/table.ts";
import type { TableNumber } from "../study/table-figures.ts";
import { type TableFormat, tableFormats } from "../study/table-format.ts";
import { type CommonOptions, printResult } from "./output.ts";

/** `pea table`: one of the paper's tables with its figures, a study's, or both. */
export async function runTable(
  number: TableNumber,
  path: string | undefined,
  options: CommonOptions & { format: TableFormat; import?: string },
): Promise<void> {
  const tables = path === undefined ? paperTable(number) : await tablesOf(number, path, options);
  printResult(options, { table: number, tables }, () =>
    tables.map(tableFormats[options.format]).join("\n\n"),
  );
}

async function tablesOf(number: TableNumber, path: string, options: { import?: string }) {
  const { results, study } = await openResults(path, options);
  return paperTable(number, results, study && planOf(study));
}
