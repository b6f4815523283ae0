import type { Imports } from "../recipe/import-file.ts";
import { writeReport } from "../report/report.ts";
import { type CommonOptions, printResult } from "../terminal/output.ts";

/** `pea report`: one page on runs or on a study. */
export async function runReport(
  paths: readonly string[],
  options: CommonOptions & { output?: string; import?: Imports },
): Promise<void> {
  const summary = await writeReport(paths, options.output, { import: options.import });
  printResult(options, summary, () => {
    const verdicts = summary.verdicts.flatMap(({ network, dataset, headline, details }) => [
      "",
      `${network} on ${dataset}: ${headline}`,
      ...details,
    ]);
    return [summary.file, ...verdicts].join("\n");
  });
}
