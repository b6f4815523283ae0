/**
 * Tables as text: Markdown for people, LaTeX for papers, CSV for spreadsheets.
 *
 * @module
 */
import { csvLine } from "../csv.ts";
import { baselineName } from "./compare.ts";
import type { Column, Table } from "./table.ts";
import type { Figure } from "./table-figures.ts";

export type TableFormat = "markdown" | "csv" | "latex";

export const tableFormats: Readonly<Record<TableFormat, (table: Table) => string>> = {
  markdown: formatMarkdown,
  csv: formatCsv,
  latex: formatLatex,
};

function formatMarkdown(table: Table): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [
    `**${table.caption}**`,
    "",
    line([...table.stubs, ...table.columns.map(columnTitle)]),
    `|${" --- |".repeat(table.stubs.length)}${" ---: |".repeat(table.columns.length)}`,
    ...textRows(table).map(line),
    "",
    // A blank line between notes keeps them apart when rendered.
    table.notes.join("\n\n"),
  ].join("\n");
}

/** For the package `booktabs`. */
function formatLatex(table: Table): string {
  const { stubs, columns } = table;
  const line = (cells: readonly string[]) => `${cells.join(" & ")} \\\\`;
  const groups = headings(columns);
  const head = groups.some(({ title }) => title !== "")
    ? [
        line([
          ...stubs.map(() => ""),
          ...groups.map(({ title, span }) => `\\multicolumn{${span}}{c}{${latex(title)}}`),
        ]),
      ]
    : [];
  return [
    "\\begin{table}",
    "\\centering",
    `\\caption{${latex(table.caption.replace(/^Table \d: /, ""))}}`,
    `\\begin{tabular}{${"l".repeat(stubs.length)}${"r".repeat(columns.length)}}`,
    "\\toprule",
    ...head,
    line([...stubs, ...columns.map(({ title }) => title)].map(latex)),
    "\\midrule",
    ...textRows(table).map((cells) => line(cells.map(latex))),
    "\\bottomrule",
    "\\end{tabular}",
    ...table.notes.map((note) => `\\par\\footnotesize ${latex(note)}`),
    "\\end{table}",
  ].join("\n");
}

/** In numbers to calculate with: each row of the table becomes a row for each statistic it has. */
function formatCsv({ dataset, stubs, columns, rows, named }: Table): string {
  const lines = rows.flatMap(({ stubs, cells }) =>
    Object.entries(statistics)
      .filter(([title]) => named || title !== "variant")
      .map(([title, value]) => ({ title, values: cells.map((figure) => (figure && value(figure)) ?? "") }))
      .filter(({ values }) => values.some((value) => value !== ""))
      .map(({ title, values }) => [dataset, ...stubs, title, ...values]),
  );
  return [["Data set", ...stubs, "Statistic", ...columns.map(columnTitle)], ...lines].map(csvLine).join("\n");
}

const statistics: Readonly<Record<string, (figure: Figure) => string | number | null | undefined>> = {
  variant: ({ variant }) => variant,
  mean: ({ mean }) => withoutRounding(mean),
  "standard deviation": ({ deviation }) => deviation && withoutRounding(deviation),
  runs: ({ count }) => count,
  "p, paired, corrected": ({ comparison }) => comparison?.adjustedP,
};

/** Ten figures are more than any score has, and leave out what float64 adds to a mean. */
const withoutRounding = (value: number): number => Number(value.toPrecision(10));

const columnTitle = ({ group, title }: Column): string => (group ? `${group} ${title}` : title);

/** The groups over the columns, each with the number of columns it spans. */
function headings(columns: readonly Column[]): { title: string; span: number }[] {
  const groups: { title: string; span: number }[] = [];
  for (const { group: title = "" } of columns) {
    const last = groups.at(-1);
    if (last && title !== "" && last.title === title) last.span++;
    else groups.push({ title, span: 1 });
  }
  return groups;
}

const textRows = (table: Table): string[][] =>
  table.rows.map(({ stubs, cells }) => [...stubs, ...cells.map((figure) => cellText(figure, table))]);

/** `61.57`, `91.35 ± 0.12 ↑`, `+0.18`, `70.51 (WG90)`. */
function cellText(figure: Figure | null, { gains, named }: Table): string {
  if (figure === null) return "–";
  const { mean, deviation, comparison, variant } = figure;
  const arrow = { above: " ↑", below: " ↓", undecided: "" }[comparison?.conclusion ?? "undecided"];
  const sign = mean < 0 ? "−" : gains ? "+" : "";
  const spread = deviation === null ? "" : ` ± ${deviation.toFixed(2)}`;
  const name = named && variant !== baselineName ? ` (${variant})` : "";
  return `${sign}${Math.abs(mean).toFixed(2)}${spread}${arrow}${name}`;
}

const latexCharacters: Readonly<Record<string, string>> = {
  "\\": "\\textbackslash{}",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
  "±": "$\\pm$",
  "↑": "$\\uparrow$",
  "↓": "$\\downarrow$",
  "−": "$-$",
  "–": "--",
  "<": "$<$",
};

function latex(text: string): string {
  return text.replace(
    /[\\~^±↑↓−–<]|[&%$#_{}]/g,
    (character) => latexCharacters[character] ?? `\\${character}`,
  );
}
