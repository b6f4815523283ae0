/** σ(x) = 1/(1 + e^(−x)), by the exponential that cannot overflow. */
export function logistic(x: number): number {
  const n = Math.exp(-Math.abs(x));
  return x < 0 ? n / (1 + n) : 1 / (1 + n);
}
