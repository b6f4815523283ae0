/**
 * Files of one JSON object per line that a run appends to and that a resumed run goes on with.
 *
 * @module
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { PeaError } from "@pea/core";
import { writeFileAtomically } from "@pea/torch";

/**
 * Reads all rows. A last line that a killed process left unfinished is dropped.
 *
 * @param what a row is, for the message, e.g. `a row of metrics`
 * @throws PeaError naming the file and the line that is damaged
 */
export function readJsonLines<Row>(
  path: string,
  what: string,
  isRow: (value: unknown) => value is Row,
): Row[] {
  let lines: string[];
  try {
    lines = readFileSync(path, "utf8").split("\n");
  } catch (error) {
    throw new PeaError(`cannot read ${path}: ${(error as Error).message}`);
  }
  // A whole line ends with a newline: what stands behind the last one is empty or torn.
  return lines.slice(0, -1).map((line, i) => {
    try {
      const row: unknown = JSON.parse(line);
      if (isRow(row)) return row;
    } catch {
      // Reported below, together with JSON of another form.
    }
    throw new PeaError(`${path}, line ${i + 1} is not ${what}: ${line.slice(0, 80)}`);
  });
}

/** Appends rows. */
export class JsonLinesLog<Row extends { readonly step: number }> {
  /** The rows that were there and stay. */
  readonly kept: readonly Row[];
  readonly #path: string;
  readonly #file: number;

  /**
   * Opens the file. Rows beyond `resumedAt` are dropped: they belong to steps that are about to be done again, and the
   * file ends up as that of a run never interrupted.
   *
   * @param read reads the rows that are there
   * @param resumedAt weight updates done when the run goes on from a checkpoint; 0 for a new run
   */
  constructor(path: string, read: (path: string) => Row[], resumedAt: number) {
    this.#path = path;
    const rows = existsSync(path) ? read(path) : [];
    this.kept = rows.filter((row) => row.step <= resumedAt);
    writeFileAtomically(path, [Buffer.from(this.kept.map(toLine).join(""))]);
    this.#file = openSync(path, "a");
  }

  /** Rows come in the order of their steps. */
  append(row: Row): void {
    try {
      writeFileSync(this.#file, toLine(row));
    } catch (error) {
      throw new PeaError(`cannot write ${this.#path}: ${(error as Error).message}`);
    }
  }

  /** Brings all rows to the disk; due before a checkpoint is written, which vouches for the rows up to its step. */
  flush(): void {
    fsyncSync(this.#file);
  }

  close(): void {
    closeSync(this.#file);
  }
}

function toLine(row: unknown): string {
  return `${JSON.stringify(row)}\n`;
}
