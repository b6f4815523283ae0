/**
 * The curves of a report as options of ECharts: data alone, without functions, so that they can stand in the page as
 * JSON. Colours are names of the page's own (`style.ts`), which follow the reader's colour scheme.
 * @module
 */
import type { Phase } from "../run/run-course.ts";
import { scoreLabel } from "../tasks/task.ts";
import {
  axisStyle,
  type Chart,
  line,
  option,
  type Point,
  roomForNames,
  rounded,
  shared,
  yAxis,
} from "./chart-parts.ts";
import { diagnosticCharts } from "./diagnostics.ts";
import type { Curve, CurvePoint, Group, VariantGroup } from "./groups.ts";
import { type VariantStyle, variantStyles } from "./variant-styles.ts";

/** Score with alpha, loss, deployed against current score, and learning rate; a chart without values is left out. */
export function charts(group: Group): Chart[] {
  const styles = variantStyles(group);
  const of = (draw: (item: VariantGroup, style: VariantStyle) => Record<string, unknown>[]) =>
    Object.fromEntries(
      group.variants
        .map((item) => [item.variant, draw(item, styles.get(item.variant) as VariantStyle)] as const)
        .filter(([, series]) => series.length > 0),
    );
  const seeds = group.variants.some(({ runs }) => runs.length > 1)
    ? " Lines are means over seeds, bands reach from the lowest seed to the highest."
    : "";
  const label = scoreLabel(group.metric);
  const epochs = Math.max(0, ...group.variants.flatMap(({ curves }) => curves.map(({ epoch }) => epoch)));
  const bands = bandsOf(group);
  const right = roomForNames(group);
  const rates = group.variants.map(({ curves }) => JSON.stringify(along(curves, "learningRate")));
  const isOneRate = rates.length > 1 && new Set(rates).size === 1;
  const all: Chart[] = [
    {
      id: "accuracy",
      title: `Validation ${label} and α`,
      caption: `With the activation as it trains.${seeds} Below: α, ReLU's share of the ensemble.`,
      wide: true,
      option: scoreOption(label, epochs, right),
      series: of(({ curves, variant }, style) => {
        const lines = line({ variant, style, points: along(curves, "currentScore"), range: true });
        const alpha = line({ variant, style, points: along(curves, "alpha"), axis: 1, quiet: true });
        return lines.length > 0 ? [...lines, ...alpha] : [];
      }),
      late: lateRanges(group, ["currentScore"]),
      narrowed: "from below",
      bands,
    },
    {
      id: "loss",
      title: "Loss",
      caption: `Cross-entropy. Solid: validation, without label smoothing. Dashed: training, mean over the epoch.${seeds}`,
      wide: false,
      option: option("loss", "epoch", { max: epochs, right }),
      series: of(({ curves, variant }, style) => [
        ...line({ variant, style, points: along(curves, "validationLoss"), range: true }),
        ...line({ variant, style, points: along(curves, "trainLoss"), dashed: "training" }),
      ]),
      late: lateRanges(group, ["validationLoss", "trainLoss"]),
      narrowed: "from above",
      bands,
    },
    {
      id: "deployed",
      title: `Deployed against current ${label} in the transition`,
      caption:
        `Validation ${label} as α moves. Solid: with the ensemble as it trains. Dashed: deployed, with ReLU at every site; ` +
        "at α = 1 the two are the same network.",
      wide: false,
      option: option(`${label}, %`, "α", { max: 1, right }),
      series: of(({ curves, variant }, style) => {
        const points = transition(curves);
        return [
          ...line({ variant, style, points: against(points, "currentScore") }),
          ...line({ variant, style, points: against(points, "deployedScore"), dashed: "deployed" }),
        ];
      }),
      late: {},
      narrowed: null,
      bands: {},
    },
    {
      id: "learning-rate",
      title: "Learning rate",
      caption: `At the last step of each epoch.${isOneRate ? " The same for all variants." : ""}`,
      wide: false,
      option: option("learning rate", "epoch", { max: epochs, min: 0, right }),
      series: of(({ curves, variant }, style) =>
        line({ variant, style, points: along(curves, "learningRate"), quiet: isOneRate }),
      ),
      late: {},
      narrowed: null,
      bands: {},
    },
    ...diagnosticCharts(group),
  ];
  return all.filter(({ series }) => Object.keys(series).length > 0);
}

/**
 * The option of a chart with the series of some variants. The page's script holds this function as its text, so that it
 * must not use anything from outside of itself.
 *
 * @param options.whole with the first epochs, which are so far off that they hide how later ones differ
 */
export function drawn(
  { option, series, bands, late, narrowed }: Chart,
  variants: readonly string[],
  { whole = false } = {},
): Record<string, unknown> {
  const [first, ...others] = [option.yAxis].flat() as Record<string, unknown>[];
  const { axisLabel } = first as Record<string, unknown>;
  const shaded = variants.find((variant) => bands[variant]);
  const ranges = variants.flatMap((variant) => late[variant] ?? []);
  const limit =
    whole || narrowed === null || ranges.length === 0
      ? {}
      : narrowed === "from below"
        ? { min: Math.min(...ranges) }
        : // Between the axis' own round numbers, so that its label would stand too close to the next.
          { max: Math.max(...ranges), axisLabel: { ...(axisLabel as object), showMaxLabel: false } };
  return {
    ...option,
    yAxis: [{ ...first, ...limit }, ...others],
    series: [
      ...variants.flatMap((variant) => series[variant] ?? []),
      ...(shaded ? [{ type: "line", data: [], markArea: bands[shaded]?.markArea }] : []),
    ],
  };
}

/** Score above, alpha below, on one axis of epochs. */
function scoreOption(label: string, epochs: number, right: number): Record<string, unknown> {
  const epochAxis = { ...axisStyle, type: "value", min: 0, max: epochs, splitLine: { show: false } };
  // Fixed, so that both grids begin at the same place.
  const left = 52;
  return {
    ...shared,
    axisPointer: { link: [{ xAxisIndex: "all" }] },
    grid: [
      { left, right, top: 32, bottom: 150 },
      { left, right, height: 70, bottom: 44 },
    ],
    xAxis: [
      { ...epochAxis, axisLabel: { show: false } },
      { ...epochAxis, gridIndex: 1, name: "epoch", nameLocation: "middle", nameGap: 26 },
    ],
    yAxis: [
      { ...axisStyle, ...yAxis(`${label}, %`) },
      { ...axisStyle, ...yAxis("α"), gridIndex: 1, min: 0, max: 1, interval: 0.5 },
    ],
  };
}

const along = (curves: readonly CurvePoint[], curve: Curve): Point[] =>
  curves.flatMap(({ epoch, values }) => {
    const value = values[curve];
    return value ? [[epoch, value.mean, value.low, value.high] as const] : [];
  });

const against = (curves: readonly CurvePoint[], curve: Curve): Point[] =>
  curves.flatMap(({ values }) => {
    const [value, alpha] = [values[curve], values.alpha];
    return value && alpha ? [[alpha.mean, value.mean, value.low, value.high] as const] : [];
  });

/** From the last epoch before the transition to the first after it. */
function transition(curves: readonly CurvePoint[]): CurvePoint[] {
  const alpha = ({ values }: CurvePoint) => values.alpha?.mean ?? null;
  return curves.filter((point, i) => {
    const [before, now, after] = [curves[i - 1], point, curves[i + 1]].map((item) => item && alpha(item));
    if (now === null || now === undefined) return false;
    if (now === 0) return after !== 0;
    return now < 1 || (before ?? 1) < 1;
  });
}

/** What the curves reach after a third of the run, a little widened; by variant. */
function lateRanges({ variants }: Group, names: readonly Curve[]): Chart["late"] {
  return Object.fromEntries(
    variants.flatMap(({ variant, curves }) => {
      const last = curves.at(-1)?.epoch ?? 0;
      const values = curves
        .filter(({ epoch }) => epoch > last / 3 || epoch === last)
        .flatMap(({ values }) => names.flatMap((name) => values[name] ?? []))
        .flatMap(({ low, high }) => [low, high]);
      if (values.length === 0) return [];
      const [low, high] = [Math.min(...values), Math.max(...values)];
      // A step of 1, 2 or 5 times a power of ten, as the axis takes them.
      const power = 10 ** Math.floor(Math.log10((high - low || 1) / 4));
      const step = power * ([1, 2, 5, 10].find((factor) => factor * power * 4 >= high - low) ?? 1);
      return [
        [variant, [rounded(Math.floor(low / step) * step), rounded(Math.ceil(high / step) * step)] as const],
      ];
    }),
  );
}

/** The phases as bands: the transition shaded, with a name on each. */
function bandsOf({ variants }: Group): Chart["bands"] {
  return Object.fromEntries(
    variants.flatMap(({ variant, runs }) => {
      const phases = runs.find(({ phases }) => phases.some(({ name }) => name === "transition"))?.phases;
      if (!phases) return [];
      const { firstEpoch, endEpoch } = phases.find(({ name }) => name === "transition") as Phase;
      const caption = `Shaded: the transition of ${variant}, epoch ${short(firstEpoch)} to ${short(endEpoch)}.`;
      return [[variant, { markArea: markArea(phases), caption }]];
    }),
  );
}

function markArea(phases: readonly Phase[]): Record<string, unknown> {
  const whole = phases.at(-1)?.endEpoch ?? 0;
  return {
    silent: true,
    label: { position: "insideTop", color: "var(--faint)", fontSize: 11 },
    data: phases.map(({ name, firstEpoch, endEpoch }) => [
      {
        // A short phase has no room for its name.
        name: endEpoch - firstEpoch > 0.1 * whole ? name : "",
        xAxis: rounded(firstEpoch),
        itemStyle: { color: name === "transition" ? "var(--band)" : "transparent" },
      },
      { xAxis: rounded(endEpoch) },
    ]),
  };
}

const short = (value: number): string => String(Number(value.toFixed(2)));
