import { ownLetter, type SmoothName, smoothActivations, smoothNamed } from "./activations/index.ts";
import type { Ensemble } from "./ensemble.ts";
import { PeaError } from "./error.ts";

/** Where the transition ends: with an epoch (counted from 1) or at a share of the run, above 0 and below 1. */
export type TransitionEnd = { readonly epochs: number } | { readonly share: number };

/** In the place of a smooth activation's name: that which each site of the network has by itself. */
export const ownSmooth = "own";

/** What a variant code says: the ensemble, its smooth activation and the transition's end. */
export interface Variant {
  readonly ensemble: Ensemble;
  /** `own`: each site's own, as of a network that was trained with smooth activations. */
  readonly smooth: SmoothName | typeof ownSmooth;
  readonly end: TransitionEnd;
}

const pattern = /^(?<ensemble>[WS])(?<letter>[A-Z])(?<end>\d+(?:\.\d+)?)(?<percent>%)?$/;

/**
 * Reads a variant code in the paper's notation (Tables 4 and 6): W or S (weighted, stochastic), then G, S, M, E, H or T
 * (GELU, Swish, Mish, ELU, Hardswish, GELU by tanh) or O (the network's own), then the epoch the transition ends with (`WG90`) or, in per cent, the share of
 * the run (`SM75%`).
 *
 * @throws PeaError of kind usage for any other text, an end of 0, part of an epoch, or a share of 100 % and more.
 */
export function parseVariant(code: string): Variant {
  const groups = pattern.exec(code)?.groups;
  if (groups === undefined) throw invalid(code, "cannot be read");
  const smooth =
    groups.letter === ownLetter
      ? { name: ownSmooth }
      : smoothActivations().find(({ letter }) => letter === groups.letter);
  if (smooth === undefined) throw invalid(code, `has the letter ${groups.letter}, which is no activation's`);
  const end = Number(groups.end);
  if (end === 0) throw invalid(code, "leaves no training with the smooth activation");
  if (groups.percent && end >= 100) throw invalid(code, "leaves no final phase");
  if (!groups.percent && !Number.isSafeInteger(end)) throw invalid(code, "ends within an epoch");
  return {
    ensemble: groups.ensemble === "W" ? "weighted" : "stochastic",
    smooth: smooth.name,
    // 62.553 / 100 is not the number nearest to 0.62553; shifting the decimal point is exact.
    end: groups.percent ? { share: Number(`${groups.end}e-2`) } : { epochs: end },
  };
}

/** Writes a variant as its code, e.g. `WG90`; a share in per cent to twelve digits, e.g. `SM62.5%`. */
export function formatVariant({ ensemble, smooth, end }: Variant): string {
  const letter = smooth === ownSmooth ? ownLetter : smoothNamed(smooth).letter;
  const letters = (ensemble === "weighted" ? "W" : "S") + letter;
  return "epochs" in end
    ? `${letters}${end.epochs}`
    : // 0.07 · 100 is 7.000000000000001.
      `${letters}${Number((end.share * 100).toPrecision(12))}%`;
}

function invalid(code: string, problem: string): PeaError {
  const smooth = smoothActivations();
  const letters = [...smooth.map(({ letter }) => letter), ownLetter].join(", ");
  const titles = [...smooth.map(({ title }) => title), "the network's own"].join(", ");
  return new PeaError(
    `variant code ${JSON.stringify(code)} ${problem}; write W or S (weighted, stochastic), then ` +
      `${letters.replace(/, (.)$/, " or $1")} (${titles}), then the transition's end: an epoch (WG90) or a share of the ` +
      "run (SM75%)",
    { kind: "usage" },
  );
}
