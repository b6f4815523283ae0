/**
 * What a step with a training method may cost.
 *
 * @module
 */
import type { BenchMethod } from "./protocol.ts";

/** Times ReLU's own step, on networks that are not named below. */
export const MOST = 1.05;

/** Where a method costs more: the paragraph "Cost" of its README says how much and why. */
const COSTLY: Readonly<Partial<Record<BenchMethod, "everywhere" | readonly string[]>>> = {
  // Convolutions of MobileNet are cheap beside what its batch norms and activations take.
  sugar: ["mobilenet-0.25-small"],
  "lambda-gelu": ["mobilenet-0.25-small"],
  swap: ["mobilenet-0.25-small"],
  // Beside training that takes all processors.
  randaugment: ["mobilenet-0.25"],
  "stochastic-depth": "everywhere",
  distillation: "everywhere",
  quantize: "everywhere",
  reparameterize: "everywhere",
  expand: "everywhere",
  "act-learn": "everywhere",
};

/** Methods that cost more somewhere. */
export const costlyMethods = Object.keys(COSTLY) as BenchMethod[];

/** Whether a step of this network costs more with it, by the method's README. */
export function isCostly(method: BenchMethod, network: string): boolean {
  const where = COSTLY[method] ?? [];
  return where === "everywhere" || where.includes(network);
}
