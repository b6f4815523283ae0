import type { Figure, TableNumber } from "../compare/table-figures.ts";

/** A table, laid out and not yet formatted. */
export interface Table {
  number: TableNumber;
  dataset: string;
  caption: string;
  /** Titles of the first columns, which hold text. */
  stubs: string[];
  /** Columns of figures; neighbours of the same group stand under one heading. */
  columns: Column[];
  rows: Row[];
  /** Gains in points instead of scores in percent: shown with their sign. */
  gains: boolean;
  /** The variant of a figure follows from neither row nor column: shown beside it. */
  named: boolean;
  notes: string[];
}

export interface Column {
  group?: string;
  title: string;
}

export interface Row {
  stubs: string[];
  cells: (Figure | null)[];
}
