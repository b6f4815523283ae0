/**
 * How the curves of a variant look: colour and symbol together, so that no colour has to be told from another.
 * @module
 */
import { type Group, shownAtFirst } from "./groups.ts";
import { type Html, html } from "./html.ts";
import { colorCount } from "./style.ts";

export interface VariantStyle {
  color: string;
  /** A symbol of ECharts. */
  symbol: Symbol;
}

type Symbol = keyof typeof shapes;

/** The symbols as shapes in a square from −5 to 5. */
const shapes = {
  circle: html`<circle r="4"/>`,
  triangle: html`<path d="M0-4.5 4.5 4h-9z"/>`,
  rect: html`<path d="M-3.6-3.6h7.2v7.2h-7.2z"/>`,
  diamond: html`<path d="M0-5 5 0 0 5-5 0z"/>`,
  pin: html`<path d="M0 5-3-1a3.3 3.3 0 1 1 6 0z"/>`,
} as const;

/** Styles by variant: the baseline is grey; those shown at first have the most distinct colours. */
export function variantStyles(group: Group): Map<string, VariantStyle> {
  const shown = shownAtFirst(group);
  const baseline = group.variants.find(({ kind }) => kind === "baseline")?.variant;
  const order = [...new Set([...shown, ...group.variants.map(({ variant }) => variant)])].filter(
    (variant) => variant !== baseline,
  );
  const symbols = Object.keys(shapes) as Symbol[];
  const style = (color: number, symbol: number): VariantStyle => ({
    color: `var(--c${color})`,
    symbol: symbols[symbol % symbols.length] as Symbol,
  });
  const styles = new Map(order.map((variant, i) => [variant, style(1 + (i % (colorCount - 1)), 1 + i)]));
  if (baseline !== undefined) styles.set(baseline, style(0, 0));
  return styles;
}

/** A piece of the line with its symbol, as beside a name. */
export function swatch({ color, symbol }: VariantStyle): Html {
  return html`<svg class="swatch" viewBox="-12 -6 24 12" width="24" height="12" aria-hidden="true" style="color:${color}"
><path d="M-12 0h24" stroke="currentColor" stroke-width="2"/><g fill="currentColor">${shapes[symbol]}</g></svg>`;
}
