/**
 * What a run remembers of its exports in integers, for its report.
 *
 * @module
 */
import { existsSync, readFileSync } from "node:fs";
import { writeFileAtomically } from "@pea/torch";
import type { RunDirectory } from "../run/run-directory.ts";
import type { ExportedFile } from "./export-form.ts";
import type { IntegerSummary } from "./integer-summary.ts";

/** One export: the last one of its target. */
export interface IntegerRecord extends IntegerSummary {
  readonly target: string;
  readonly bytes: number;
  /** What was proven, in words. */
  readonly verified: readonly string[];
}

/** The exports of a run in integers, in the order in which their targets came; none where nothing was exported. */
export function readIntegerRecords({ integers }: Pick<RunDirectory, "integers">): IntegerRecord[] {
  return existsSync(integers) ? JSON.parse(readFileSync(integers, "utf8")) : [];
}

/** Notes what was exported in integers; of other forms nothing. */
export function noteIntegers(
  run: Pick<RunDirectory, "integers">,
  { target, bytes, integers, verified }: ExportedFile,
): void {
  if (integers === undefined) return;
  const others = readIntegerRecords(run).filter((record) => record.target !== target);
  const records: IntegerRecord[] = [...others, { target, bytes, ...integers, verified }];
  writeFileAtomically(run.integers, [Buffer.from(JSON.stringify(records))]);
}
