/**
 * Tables as text: Markdown for people, LaTeX for papers, CSV for spreadsheets.
 *
 * @module
 */
import { smoothActivations } from "@pea/core";
import { csvLine } from "../common/csv.ts";
import type { Figure } from "../compare/table-figures.ts";
import { fixed, markdownTable, signed, withoutRounding } from "../compare/words.ts";
import { baselineName } from "../methods/variant-name.ts";
import type { Column, Table } from "./layout.ts";

export type TableFormat = "markdown" | "csv" | "latex";

export const tableFormats: Readonly<Record<TableFormat, (table: Table) => string>> = {
  markdown: formatMarkdown,
  csv: formatCsv,
  latex: formatLatex,
};

function formatMarkdown(table: Table): string {
  const { caption, stubs, columns, notes } = table;
  const head = [...stubs, ...columns.map(columnTitle)];
  return [
    `**${caption}**`,
    markdownTable(head, textRows(table), { numbersFrom: stubs.length }),
    // A blank line between notes keeps them apart when rendered.
    ...notes,
  ].join("\n\n");
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
  "difference, lower 95 %": ({ comparison }) =>
    comparison?.paired && withoutRounding(comparison.paired.interval[0]),
  "difference, upper 95 %": ({ comparison }) =>
    comparison?.paired && withoutRounding(comparison.paired.interval[1]),
  "p, paired, corrected": ({ comparison }) =>
    comparison && comparison.adjustedP !== null ? withoutRounding(comparison.adjustedP) : null,
};

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

function textRows(table: Table): string[][] {
  const ours = table.rows
    .flatMap(({ cells }) => cells)
    .filter((figure) => figure !== null)
    .filter(({ source }) => source !== "paper");
  // Where all have as many, a note says how many.
  const isCounted = new Set(ours.map(({ count }) => count)).size > 1;
  return table.rows.map(({ stubs, cells }) => [
    ...stubs,
    ...cells.map((figure) => cellText(figure, table, isCounted)),
  ]);
}

/** `61.57`, `91.35 ± 0.12 ↑`, `+0.18`, `70.51 (WG90)`, `62.35 (G)`, `88.50 ± 0.66 (n = 2)`. */
function cellText(figure: Figure | null, { gains, named }: Table, isCounted: boolean): string {
  if (figure === null) return "–";
  const { mean, deviation, comparison, variant, source, count } = figure;
  const arrow = { above: " ↑", below: " ↓", undecided: "" }[comparison?.conclusion ?? "undecided"];
  const spread = deviation === null ? "" : ` ± ${fixed(deviation)}`;
  const notes = [
    ...(named && variant !== baselineName ? [letterOf(variant)] : []),
    ...(isCounted && source !== "paper" ? [`n = ${count}`] : []),
  ];
  const brackets = notes.length > 0 ? ` (${notes.join(", ")})` : "";
  return `${gains ? signed(mean) : fixed(mean)}${spread}${arrow}${brackets}`;
}

/** As in the paper: upper limits by the letter that their activation has in variant codes. */
const letterOf = (variant: string): string =>
  smoothActivations().find(({ name }) => name === variant)?.letter ?? variant;

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
