/**
 * The files that a study's results are kept in: `results.jsonl` with a line for each run that has ended, in the order
 * of the grid, and `timings.jsonl` beside it. Both are replaced whole, so that they are never half written.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { PeaError } from "@pea/core";
import { writeFileAtomically } from "@pea/torch";
import { makeDirectory } from "../common/make-directory.ts";
import { type Result, readResultLines } from "../compare/results.ts";
import { readTimings, type Timing } from "../compare/timings.ts";
import { settingsInForce } from "../recipe/older-runs.ts";
import { resolveRecipe } from "../recipe/recipe.ts";
import { decisiveSettings, isSame } from "../recipe/recipe-identity.ts";
import type { Collected } from "./collect.ts";
import { addressOf, type Cell, describeCell } from "./grid.ts";
import { isOfTarget } from "./study-file.ts";

export class Ledger {
  private readonly results = new Map<Cell, Result>();
  private readonly timings = new Map<string, Timing>();

  /**
   * Reads what is there of the grid.
   *
   * @param folder of the results, made at the first writing
   * @throws PeaError (usage) when it holds runs that are not of the grid: they would be lost
   */
  constructor(
    readonly folder: string,
    private readonly grid: readonly Cell[],
  ) {
    this.takeIn();
  }

  /**
   * Reads what other processes have added since.
   *
   * @throws PeaError (usage) when there are runs that are not of the grid
   */
  takeIn(): void {
    const cells = new Map(this.grid.map((cell) => [keyOf(cell), cell]));
    const lines = existsSync(this.resultsFile) ? readResultLines(this.resultsFile) : [];
    for (const result of lines) {
      const cell = cells.get(keyOf(result));
      if (cell === undefined || !isOfCell(result, cell)) throw foreign(this.resultsFile, result, cell);
      // What this process has of a run is the same or more, such as the score of another target.
      if (this.has(cell)) continue;
      // Keys that have been added since are written down too: all lines then tell the same of themselves.
      this.results.set(cell, { ...result, settings: decisiveSettings(cell.recipe) });
    }
    for (const [hash, timing] of readTimings(this.timingsFile))
      if (!this.timings.has(hash)) this.timings.set(hash, timing);
  }

  get resultsFile(): string {
    return join(this.folder, "results.jsonl");
  }

  get timingsFile(): string {
    return join(this.folder, "timings.jsonl");
  }

  /** With the scores of all its targets. */
  has(cell: Cell): boolean {
    const result = this.results.get(cell);
    return (
      result !== undefined &&
      cell.targets.every((target) => isOfTarget(result.targets?.[target.name], target))
    );
  }

  resultOf(cell: Cell): Result | undefined {
    return this.results.get(cell);
  }

  add(cell: Cell, { result, timing }: Collected): void {
    this.results.set(cell, result);
    // What was measured before stays: a run collected once more has not been timed as a whole.
    if (!this.timings.has(timing.hash)) this.timings.set(timing.hash, timing);
  }

  /** In the order of the grid. */
  all(): Result[] {
    return this.grid.flatMap((cell) => this.results.get(cell) ?? []);
  }

  timingOf(cell: Cell): Timing | null {
    return this.timings.get(this.results.get(cell)?.hash ?? cell.hash) ?? null;
  }

  /** Replaces what is there: whoever shares the folder with others takes in first what they added. */
  write(): void {
    makeDirectory(this.folder);
    // Runs that have two names have one line.
    writeLines(this.timingsFile, [...new Set(this.grid.flatMap((cell) => this.timingOf(cell) ?? []))]);
    writeLines(this.resultsFile, this.all());
  }
}

function writeLines(path: string, values: readonly unknown[]): void {
  writeFileAtomically(path, [Buffer.from(values.map((value) => `${JSON.stringify(value)}\n`).join(""))]);
}

const keyOf = ({ network, dataset, variant, seed }: Pick<Cell, "network" | "dataset" | "variant" | "seed">) =>
  JSON.stringify([network, dataset, variant, seed]);

/**
 * Do the settings a line was trained with make this cell's run? Asked of the settings and not of the hash that the line
 * bears: another version may have hashed them otherwise, or had other defaults.
 */
function isOfCell({ settings, dataset }: Result, { recipe, hash }: Cell): boolean {
  const { dataDir, import: imported } = recipe;
  try {
    const recorded = resolveRecipe(
      { source: "the results", settings: settingsInForce(settings ?? {}) },
      { source: "the study", settings: { dataDir, import: imported } },
    );
    return addressOf(recorded, dataset) === hash;
  } catch {
    // Settings that this version does not know.
    return false;
  }
}

function foreign(file: string, result: Result, cell: Cell | undefined): PeaError {
  const reason =
    cell === undefined
      ? "is not in the grid"
      : `was trained with other settings (${differences(result, cell).join(", ") || "another hash"})`;
  return new PeaError(
    `${file}: ${describeCell(result)} ${reason}; give this study another --output, or move the file away`,
    { kind: "usage" },
  );
}

function differences(result: Result, cell: Cell): string[] {
  const recorded = settingsInForce(result.settings ?? {});
  const settings = decisiveSettings(cell.recipe);
  return [...new Set([...Object.keys(recorded), ...Object.keys(settings)])]
    .filter((key) => !isSame(recorded[key], settings[key]))
    .map((key) => `${key}: ${JSON.stringify(recorded[key])} there, ${JSON.stringify(settings[key])} here`);
}
