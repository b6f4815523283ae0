/**
 * Figures and conclusions as text, the same in tables and reports.
 *
 * @module
 */
import type { Comparison } from "./compare.ts";
import { LEVEL, type Sample } from "./statistics/index.ts";

/** Two decimals, with a true minus sign. */
export const fixed = (value: number): string => `${value < 0 ? "−" : ""}${Math.abs(value).toFixed(2)}`;

/** With its sign, two decimals. */
export const signed = (value: number): string => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;

/** `91.26`, over several seeds with the standard deviation: `91.26 ± 0.14`. */
export function meanAndSpread({ mean, deviation }: Sample): string {
  return deviation === null ? fixed(mean) : `${fixed(mean)} ± ${fixed(deviation)}`;
}

/** A p-value with two figures, `< 0.0001` below that. */
export function probability(p: number): string {
  return p < 1e-4 ? "< 0.0001" : String(Number(p.toPrecision(2)));
}

/** Ten figures are more than any score has, and leave out what float64 adds to a mean. */
export const withoutRounding = (value: number): number => Number(value.toPrecision(10));

/** What can be said of a comparison, without figures. */
export function conclusionOf({ obstacle, conclusion, reference, paired, tests }: Comparison): string {
  if (obstacle !== null) return `nothing can be concluded: ${obstacle}`;
  if (conclusion !== "undecided") return `${conclusion} ${reference}`;
  return paired !== null && paired.p < LEVEL
    ? `not shown once corrected for ${tests} tests`
    : "no difference shown";
}

/** A table in Markdown; numbers to the right. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  { numbersFrom = head.length }: { numbersFrom?: number } = {},
): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  const rule = head.map((_, i) => (i < numbersFrom ? "---" : "---:"));
  return [line(head), line(rule), ...rows.map(line)].join("\n");
}
