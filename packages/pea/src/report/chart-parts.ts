/**
 * What charts are made of: axes and lines, as options of ECharts.
 * @module
 */
import type { Group } from "./groups.ts";
import type { VariantStyle } from "./variant-styles.ts";

/** A chart of the page. */
export interface Chart {
  id: string;
  title: string;
  /** What the reader sees, in a sentence below the title. */
  caption: string;
  /** Takes the whole width of the page. */
  wide: boolean;
  /** The option without series. */
  option: Record<string, unknown>;
  /** The series of each variant that has any. */
  series: Record<string, Record<string, unknown>[]>;
  /** The values of each variant after the first third of its run: what is worth seeing large. */
  late: Record<string, readonly [low: number, high: number]>;
  /** Where in the chart the axis runs that `late` narrows. */
  narrowed: "from below" | "from above" | null;
  /** Phases of each variant that has a transition, as bands. */
  bands: Record<string, { markArea: Record<string, unknown>; caption: string }>;
}

export const axisStyle = {
  axisLine: { show: true, lineStyle: { color: "var(--faint)" } },
  axisTick: { lineStyle: { color: "var(--faint)" } },
  axisLabel: { color: "var(--faint)", hideOverlap: true },
  nameTextStyle: { color: "var(--faint)" },
  splitLine: { lineStyle: { color: "var(--line)" } },
};

export const shared = {
  animation: false,
  backgroundColor: "transparent",
  textStyle: { fontFamily: "inherit" },
  tooltip: {
    trigger: "axis",
    confine: true,
    axisPointer: { lineStyle: { color: "var(--faint)" } },
    backgroundColor: "var(--panel)",
    borderColor: "var(--line)",
    textStyle: { color: "var(--text)", fontSize: 13 },
  },
};

/** Room at the right for the names of the lines, in pixels. */
export const roomForNames = ({ variants }: Group): number =>
  Math.min(124, 22 + 8.5 * Math.max(...variants.map(({ variant }) => variant.length)));

export function option(
  name: string,
  x: string,
  { min, max, right }: { min?: number; max: number; right: number },
): Record<string, unknown> {
  return {
    ...shared,
    grid: { left: 8, right, top: 32, bottom: 40, containLabel: true },
    xAxis: {
      ...axisStyle,
      type: "value",
      name: x,
      nameLocation: "middle",
      nameGap: 26,
      min: 0,
      max,
      splitLine: { show: false },
    },
    yAxis: [{ ...axisStyle, ...yAxis(name), ...(min !== undefined && { min }) }],
  };
}

export const yAxis = (name: string) => ({
  type: "value",
  scale: true,
  name,
  nameTextStyle: { ...axisStyle.nameTextStyle, align: "left" },
});

/** A point of a curve: x, mean, lowest and highest value. */
export type Point = readonly [x: number, mean: number, low: number, high: number];

interface Line {
  variant: string;
  style: VariantStyle;
  points: readonly Point[];
  /** With a band from the lowest to the highest value, where they differ. */
  range?: boolean;
  /** Dashed, with this behind the variant's name. */
  dashed?: string;
  /** Number of the grid. */
  axis?: number;
  /** Without name and symbols: they stand at another line of the variant, or the line is that of all variants. */
  quiet?: boolean;
}

export function line({ variant, style, points, range = false, dashed, axis = 0, quiet = false }: Line) {
  if (points.length === 0) return [];
  const { color, symbol } = style;
  const place = { xAxisIndex: axis, yAxisIndex: axis };
  const name = dashed ? `${variant} ${dashed}` : variant;
  const edge = {
    type: "line",
    ...place,
    symbol: "none",
    silent: true,
    stack: `${variant}:band`,
    lineStyle: { opacity: 0 },
    emphasis: { disabled: true },
  };
  const isSpread = range && points.some(([, , low, high]) => high > low);
  return [
    ...(isSpread
      ? [
          { ...edge, id: `${name}:band-low`, data: points.map(([x, , low]) => [x, rounded(low)]) },
          {
            ...edge,
            id: `${name}:band-high`,
            data: points.map(([x, , low, high]) => [x, rounded(high - low)]),
            areaStyle: { color, opacity: 0.16 },
          },
        ]
      : []),
    {
      type: "line",
      ...place,
      id: `${name}:${axis}`,
      name: axis === 1 ? `${name} α` : name,
      data: points.map(([x, mean]) => [rounded(x), rounded(mean)]),
      color,
      symbol,
      symbolSize: 7,
      showSymbol: !dashed && !quiet && points.length <= 40,
      itemStyle: { color },
      lineStyle: { color, width: 2, type: dashed ? "dashed" : "solid" },
      emphasis: { disabled: true },
      // The line's own name at its end: no colour needs to be told from another.
      ...(!dashed &&
        !quiet && {
          endLabel: {
            show: true,
            formatter: "{a}",
            color,
            fontWeight: 600,
            fontSize: 12,
            lineHeight: 14,
            minMargin: 4,
          },
          labelLayout: { moveOverlap: "shiftY" },
        }),
    },
  ];
}

/** Six digits are more than a curve shows, and keep the page small. */
export function rounded(value: number): number {
  return Number(value.toPrecision(6));
}
