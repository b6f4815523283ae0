/** Lines over two axes, as SVG. */

const namespace = "http://www.w3.org/2000/svg";
const [width, height] = [440, 260];
const margin = { left: 44, right: 84, top: 8, bottom: 24 };

/** One line, or a cloud of dots. */
export interface Series {
  readonly name: string;
  /** A class of the style sheet, which gives the colour. */
  readonly look: "relu" | "pea" | "smooth" | "deployed";
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly isDots?: boolean;
}

export interface Axes {
  readonly x: readonly [low: number, high: number];
  readonly y: readonly [low: number, high: number];
  readonly formatY?: (value: number) => string;
}

/** Draws series into an SVG element, and says in words what they show, for those who do not see them. */
export function drawChart(
  svg: SVGSVGElement,
  series: readonly Series[],
  { x, y, formatY = short }: Axes,
): void {
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const toX = scale(x, [margin.left, width - margin.right]);
  const toY = scale(y, [height - margin.bottom, margin.top]);
  const frame = ticks(y).flatMap((value) => [
    node("line", {
      class: "axis",
      x1: margin.left,
      x2: width - margin.right,
      y1: toY(value),
      y2: toY(value),
    }),
    node("text", { x: margin.left - 6, y: toY(value) + 4, "text-anchor": "end" }, formatY(value)),
  ]);
  const bottom = ticks(x).map((value) =>
    node("text", { x: toX(value), y: height - 6, "text-anchor": "middle" }, short(value)),
  );
  svg.replaceChildren(
    ...frame,
    ...bottom,
    ...series.map((one) => drawn(one, toX, toY)),
    ...names(series, toY),
  );
  svg.setAttribute("aria-label", described(series, formatY));
}

function drawn({ look, points, isDots }: Series, toX: Scale, toY: Scale): SVGElement {
  if (!isDots) {
    const d = points
      .map(([x, y], i) => `${i === 0 ? "M" : "L"}${toX(x).toFixed(1)} ${toY(y).toFixed(1)}`)
      .join("");
    return node("path", { class: look, d });
  }
  const group = node("g", { class: `dots ${look}` });
  group.replaceChildren(...points.map(([x, y]) => node("circle", { cx: toX(x), cy: toY(y), r: 1.5 })));
  return group;
}

/** Each series' name at the end of its line, moved apart where lines end together. */
function names(series: readonly Series[], toY: Scale): SVGElement[] {
  const places = series
    .filter(({ points }) => points.length > 0)
    .map(({ name, look, points }) => ({
      name,
      look,
      at: toY((points.at(-1) as readonly [number, number])[1]),
    }))
    .sort((a, b) => a.at - b.at);
  let last = Number.NEGATIVE_INFINITY;
  return places.map(({ name, look, at }) => {
    last = Math.max(at, last + 14);
    return node("text", { class: `name ${look}`, x: width - margin.right + 6, y: last + 4 }, name);
  });
}

function described(series: readonly Series[], format: (value: number) => string): string {
  const ends = series.flatMap(({ name, points }) => {
    const last = points.at(-1);
    return last === undefined ? [] : [`${name} ends at ${format(last[1])}`];
  });
  return ends.length === 0 ? "nothing drawn yet" : ends.join(", ");
}

type Scale = (value: number) => number;

function scale([low, high]: readonly [number, number], [from, to]: readonly [number, number]): Scale {
  const span = high - low || 1;
  return (value) => from + ((Math.min(Math.max(value, low), high) - low) / span) * (to - from);
}

/** Four or five round numbers between two. */
function ticks([low, high]: readonly [number, number]): number[] {
  const rough = (high - low) / 4;
  if (!(rough > 0)) return [low];
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * unit >= rough) ?? 10) * unit;
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => (first + i) * step);
}

const short = (value: number): string => String(Number(value.toPrecision(3)));

function node(name: string, attributes: Readonly<Record<string, string | number>>, text = ""): SVGElement {
  const element = document.createElementNS(namespace, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.textContent = text;
  return element;
}
