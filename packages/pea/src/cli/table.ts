import type { TableNumber } from "../compare/table-figures.ts";
import type { Imports } from "../recipe/import-file.ts";
import { planOf } from "../study/study-file.ts";
import { openResults } from "../tables/open-results.ts";
import { paperTable } from "../tables/table.ts";
import { type TableFormat, tableFormats } from "../tables/table-format.ts";
import { type CommonOptions, printResult } from "../terminal/output.ts";

/** `pea table`: one of the paper's tables with its figures, a study's, or both. */
export async function runTable(
  number: TableNumber,
  path: string | undefined,
  options: CommonOptions & { format: TableFormat; import?: Imports },
): Promise<void> {
  const tables = path === undefined ? paperTable(number) : await tablesOf(number, path, options);
  printResult(options, { table: number, tables }, () =>
    tables.map(tableFormats[options.format]).join("\n\n"),
  );
}

async function tablesOf(number: TableNumber, path: string, options: { import?: Imports }) {
  const { results, study } = await openResults(path, options);
  return paperTable(number, results, study && planOf(study));
}
