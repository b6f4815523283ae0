/**
 * The numbers of a run as text: `metrics.jsonl`, one JSON object per line and append-only, and `summary.csv`, a table
 * of its epochs.
 *
 * @module
 */
import { writeFileAtomically } from "@pea/torch";
import { csvLine } from "../common/csv.ts";
import { JsonLinesLog, readJsonLines } from "../common/json-lines.ts";

/** One line of `metrics.jsonl`. Numbers that are not finite are stored as null, as JSON does. */
export interface MetricsRow {
  /** `interval`: some steps of training; `epoch`: a finished epoch with its evaluation. */
  readonly kind: "interval" | "epoch";
  /** Weight updates done so far. */
  readonly step: number;
  readonly [name: string]: number | string | null;
}

/**
 * Reads `metrics.jsonl`. A last line that a killed process left unfinished is dropped.
 *
 * @throws PeaError naming the file and the line that is damaged
 */
export function readMetrics(path: string): MetricsRow[] {
  return readJsonLines(path, "a row of metrics", isRow);
}

function isRow(value: unknown): value is MetricsRow {
  const row = value as Partial<MetricsRow> | null;
  return typeof row?.step === "number" && (row.kind === "interval" || row.kind === "epoch");
}

/** Writes the metrics of a run. */
export class MetricsLog {
  readonly #log: JsonLinesLog<MetricsRow>;
  readonly #summary: string;
  readonly #epochs: MetricsRow[];

  /**
   * Opens the metrics of a run; rows of steps that are about to be done again are dropped.
   *
   * @param paths the files, in a folder that exists
   * @param resumedAt weight updates done when the run goes on from a checkpoint; 0 for a new run
   * @throws PeaError when the file is damaged
   */
  constructor(paths: { readonly metrics: string; readonly summary: string }, resumedAt = 0) {
    this.#log = new JsonLinesLog(paths.metrics, readMetrics, resumedAt);
    this.#summary = paths.summary;
    this.#epochs = this.#log.kept.filter((row) => row.kind === "epoch");
    this.#writeSummary();
  }

  /** Appends a row, and brings `summary.csv` up to date at the end of an epoch. Rows come in the order of their steps. */
  append(row: MetricsRow): void {
    this.#log.append(row);
    if (row.kind !== "epoch") return;
    this.#epochs.push(row);
    this.#writeSummary();
  }

  /** Brings all rows to the disk; due before a checkpoint is written, which vouches for the rows up to its step. */
  flush(): void {
    this.#log.flush();
  }

  close(): void {
    this.#log.close();
  }

  #writeSummary(): void {
    writeFileAtomically(this.#summary, [Buffer.from(toCsv(this.#epochs))]);
  }
}

/** Rows as CSV, with a column for every name that occurs in one; a number that is not finite is an empty cell. */
function toCsv(rows: readonly MetricsRow[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter((name) => name !== "kind");
  const lines = rows.map((row) => columns.map((name) => toCell(row[name])));
  return [columns, ...lines].map((cells) => `${csvLine(cells)}\n`).join("");
}

function toCell(value: number | string | null | undefined): number | string {
  return typeof value === "string" || Number.isFinite(value) ? (value as number | string) : "";
}
