/**
 * Points of two kinds in the square from −1 to 1.
 *
 * @module
 */

export interface Point {
  readonly x: number;
  readonly y: number;
  readonly kind: 0 | 1;
}

/** Two spirals, one turned by half a circle against the other, a little blurred. */
export function spirals(count: number, seed: number): Point[] {
  return make(count, seed, (share, kind, noise) => {
    const [radius, angle] = [0.1 + 0.8 * share, 3.5 * Math.PI * share + kind * Math.PI];
    return [radius * Math.cos(angle) + noise(), radius * Math.sin(angle) + noise()];
  });
}

/** A disc and a ring around it. */
export function circles(count: number, seed: number): Point[] {
  return make(count, seed, (share, kind, noise) => {
    const [radius, angle] = [kind === 0 ? 0.4 * Math.sqrt(share) : 0.65 + 0.2 * share, 97 * share];
    return [radius * Math.cos(angle) + noise(), radius * Math.sin(angle) + noise()];
  });
}

type Place = (share: number, kind: 0 | 1, noise: () => number) => [x: number, y: number];

function make(count: number, seed: number, place: Place): Point[] {
  const uniform = randomNumbers(seed);
  const noise = () => 0.03 * (uniform() + uniform() + uniform() - 1.5);
  return Array.from({ length: count }, (_, i) => {
    const kind = i % 2 === 0 ? 0 : 1;
    const [x, y] = place(i / count, kind, noise);
    return { x, y, kind };
  });
}

/** Numbers in [0, 1) that follow from the seed (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
