/** A linear axis, as wide as its place: positions are shares of it in percent. */
export interface Axis {
  /** Where a value stands, e.g. `42.5%`. */
  at(value: number): string;
  /** Round numbers along it. */
  ticks: number[];
  /** Digits behind the point that the ticks need. */
  digits: number;
  low: number;
  high: number;
}

/** An axis that holds all values, with a little room at both ends. */
export function axisOver(values: readonly number[], { ticks = 4 } = {}): Axis {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const margin = 0.06 * (most - least) || 0.5;
  const [low, high] = [least - margin, most + margin];
  const rough = (high - low) / ticks;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) as number);
  const first = Math.ceil(low / step);
  const count = Math.floor(high / step) - first + 1;
  return {
    at: (value) => `${Number(((100 * (value - low)) / (high - low)).toFixed(2))}%`,
    ticks: Array.from({ length: count }, (_, i) => (first + i) * step),
    digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)),
    low,
    high,
  };
}
