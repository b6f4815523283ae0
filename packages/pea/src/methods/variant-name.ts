/**
 * What a way of training is called in tables, reports and files.
 *
 * @module
 */
import { activations } from "@pea/core";
import type { MethodSettings } from "./create-method.ts";

/** The name of training with ReLU all along, which other variants are compared with. */
export const baselineName = activations.relu.title;

/** `ReLU`, the variant code, the smooth activation of an upper limit, or `mish, ReLU from 90%`. */
export function variantName({
  pea,
  activation,
  swapToRelu,
}: Pick<MethodSettings, "pea" | "activation" | "swapToRelu">): string {
  if (pea !== "none") return pea;
  if (swapToRelu !== undefined) {
    const unit = /\d$/.test(String(swapToRelu)) ? "ep" : "";
    return `${activation}, ReLU from ${swapToRelu}${unit}`;
  }
  return activation === "relu" ? baselineName : activation;
}
