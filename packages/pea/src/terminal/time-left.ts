/** Spans of time for people. */

/** As `42 s`, `3 min 5 s`, `2 h 10 min`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/**
 * Seconds until all is done, at the speed since now.
 *
 * @param done what is done already
 */
export function secondsLeft(total: number, done = 0): (now: number) => number {
  const start = performance.now();
  return (now) => ((performance.now() - start) / 1000 / Math.max(now - done, 1)) * (total - now);
}
