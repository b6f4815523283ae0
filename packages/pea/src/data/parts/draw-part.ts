import { permutation } from "../../common/philox.ts";
import { countSamples, type DataPart, selectPart } from "./part.ts";

/**
 * Some samples of a part, drawn at random, in the part's order; the part itself where it has no more. The draw depends on
 * the number of samples, count and seed alone.
 *
 * @returns of samples in memory a copy, to be disposed of unless it is the part
 */
export function drawPart<Part extends DataPart>(
  part: Part,
  { count = Number.POSITIVE_INFINITY, seed }: { count?: number; seed: number },
): Part {
  const available = countSamples(part);
  if (count >= available) return part;
  const drawn = permutation(available, seed, "draw", 0).slice(0, count);
  return selectPart(part, Int32Array.from(drawn).sort());
}
