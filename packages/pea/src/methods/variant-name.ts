/**
 * What a way of training is called in tables, reports and files.
 *
 * @module
 */
import { activations } from "@pea/core";
import { type ChosenMethod, titleOf } from "./chosen-method.ts";

/** The name of training with ReLU all along, which other variants are compared with. */
export const baselineName = activations.relu.title;

/**
 * The methods' titles in their order, e.g. `SM75% + ema + mixup`. Where none changes the network it is the ReLU network:
 * `ReLU`, or `ReLU + ema`.
 */
export function nameOfMethods(methods: readonly ChosenMethod[]): string {
  const changesNetwork = methods.some(({ descriptor }) => descriptor.stage === "network");
  return [...(changesNetwork ? [] : [baselineName]), ...methods.map(titleOf)].join(" + ");
}
