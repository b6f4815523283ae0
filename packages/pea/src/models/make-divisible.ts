/**
 * Channels as the networks of mobile phones count them: a width times the channels, to the nearest multiple of 8 that is not
 * below 90 % of it, at least 8.
 */
export function makeDivisible(channels: number, width: number): number {
  const wanted = channels * width;
  const nearest = Math.max(8, Math.floor((wanted + 4) / 8) * 8);
  return nearest < 0.9 * wanted ? nearest + 8 : nearest;
}
