/**
 * Weights that a method adds to a network, drawn apart from all else.
 *
 * @module
 */
import { getRngState, manualSeed, setRngState } from "@pea/torch";
import { drawsOf } from "./draws.ts";

/**
 * What `draw` makes with the engine's generator, as it follows from a method and the run's seed; the generator then is as it
 * was.
 */
export function drawnApart<T>(method: string, seed: number, draw: () => T): T {
  using state = getRngState();
  manualSeed(Math.floor(drawsOf(method, seed, 0).uniform() * 2 ** 32));
  try {
    return draw();
  } finally {
    setRngState(state);
  }
}
