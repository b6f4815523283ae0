/**
 * The numbers of a run as text: `metrics.jsonl`, one JSON object per line and append-only, and `summary.csv`, a table
 * of its epochs.
 *
 * @module
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { PeaError } from "@pea/core";
import { writeFileAtomically } from "@pea/torch";
import { csvLine } from "../csv.ts";

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
  let lines: string[];
  try {
    lines = readFileSync(path, "utf8").split("\n");
  } catch (error) {
    throw new PeaError(`cannot read ${path}: ${(error as Error).message}`);
  }
  // A whole line ends with a newline: what stands behind the last one is empty or torn.
  return lines.slice(0, -1).map((line, i) => {
    try {
      const row = JSON.parse(line);
      if (typeof row.step === "number" && (row.kind === "interval" || row.kind === "epoch")) return row;
    } catch {
      // Reported below, together with JSON of another form.
    }
    throw new PeaError(`${path}, line ${i + 1} is not a row of metrics: ${line.slice(0, 80)}`);
  });
}

/** Writes the metrics of a run. */
export class MetricsLog {
  readonly #file: number;
  readonly #paths: { readonly metrics: string; readonly summary: string };
  readonly #epochs: MetricsRow[];

  /**
   * Opens the metrics of a run. Rows beyond `resumedAt` are dropped: they belong to steps that are about to be done
   * again, and the file ends up as that of a run never interrupted.
   *
   * @param paths the files, in a folder that exists
   * @param resumedAt weight updates done when the run goes on from a checkpoint; 0 for a new run
   * @throws PeaError when the file is damaged
   */
  constructor(paths: { readonly metrics: string; readonly summary: string }, resumedAt = 0) {
    this.#paths = paths;
    const rows = existsSync(paths.metrics) ? readMetrics(paths.metrics) : [];
    const kept = rows.filter((row) => row.step <= resumedAt);
    this.#epochs = kept.filter((row) => row.kind === "epoch");
    writeFileAtomically(paths.metrics, [Buffer.from(kept.map(toLine).join(""))]);
    this.#writeSummary();
    this.#file = openSync(paths.metrics, "a");
  }

  /** Appends a row, and brings `summary.csv` up to date at the end of an epoch. Rows come in the order of their steps. */
  append(row: MetricsRow): void {
    try {
      writeFileSync(this.#file, toLine(row));
    } catch (error) {
      throw new PeaError(`cannot write ${this.#paths.metrics}: ${(error as Error).message}`);
    }
    if (row.kind !== "epoch") return;
    this.#epochs.push(row);
    this.#writeSummary();
  }

  /** Brings all rows to the disk; due before a checkpoint is written, which vouches for the rows up to its step. */
  flush(): void {
    fsyncSync(this.#file);
  }

  close(): void {
    closeSync(this.#file);
  }

  #writeSummary(): void {
    writeFileAtomically(this.#paths.summary, [Buffer.from(toCsv(this.#epochs))]);
  }
}

function toLine(row: MetricsRow): string {
  return `${JSON.stringify(row)}\n`;
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
