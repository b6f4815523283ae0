/**
 * How a target wants numbers as integers.
 *
 * @module
 */
import { PeaError } from "@pea/core";

/** What computed values are kept as. */
export const activationTypes = ["int8", "uint8", "int16"] as const;
export type ActivationType = (typeof activationTypes)[number];

/** What is the same for all values of a network. */
export interface Scheme {
  /** Weights are int8; of uint8, too. */
  readonly activations: ActivationType;
  /**
   * - `asymmetric`: the zero point is where the range wants it; behind ReLU at the type's minimum
   * - `symmetric`: the zero point is 0
   * - `powers of two`: the same, and every scale is a power of two, those of weights too
   */
  readonly scales: "asymmetric" | "symmetric" | "powers of two";
  /** A scale for each output of a layer, or one for all of its weight. */
  readonly weights: "per channel" | "per tensor";
}

/** What a user may ask for; what is left out, the target decides. */
export interface SchemeWishes {
  readonly activations?: ActivationType;
  readonly perTensor?: boolean;
}

/**
 * The scheme that is usual on processors: asymmetric int8 (or uint8), symmetric int16, a scale for each output of a layer.
 */
export function usualScheme({ activations = "int8", perTensor = false }: SchemeWishes): Scheme {
  return {
    activations,
    scales: activations === "int16" ? "symmetric" : "asymmetric",
    weights: perTensor ? "per tensor" : "per channel",
  };
}

/**
 * @throws PeaError of kind usage for what no kernel computes: uint8 with zero in the middle, int16 with zero elsewhere
 */
export function requireScheme({ activations, scales }: Scheme): void {
  if (activations === "uint8" && scales !== "asymmetric")
    throw new PeaError(`activations of uint8 are asymmetric, not ${scales}; take int8`, { kind: "usage" });
  if (activations === "int16" && scales === "asymmetric")
    throw new PeaError("activations of int16 are symmetric, not asymmetric", { kind: "usage" });
}
