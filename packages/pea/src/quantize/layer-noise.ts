/**
 * What rounding to integers does to each value of a network.
 *
 * @module
 */
import { type IntegerPlan, producersOf, type QuantizedGraph } from "@pea/graph";
import { clone, keep, mul, narrow, noGrad, scope, sub, sum, type Tensor } from "@pea/torch";
import { GraphNetwork } from "../import/network/graph-network.ts";
import { SimulatedNetwork } from "./simulated-network.ts";

/** How much of a layer's result is left. */
export interface LayerNoise {
  /** Of the value. */
  readonly name: string;
  /** ONNX's name of the operator, and the module, that compute it. */
  readonly operator: string;
  readonly path: string;
  /** Signal to quantization noise, 10 log₁₀(Σ x² / Σ (x − x̂)²), all rounding before it included; null without noise. */
  readonly decibels: number | null;
}

/**
 * Compares each value that a layer computes with the float one on some images, one at a time.
 *
 * @param images [N, C, H, W], standardized, float32, on the CPU
 * @returns in the order of the graph
 */
export function layerNoise(plan: IntegerPlan, quantized: QuantizedGraph, images: Tensor): LayerNoise[] {
  const sources = new Set(plan.groups.flatMap(({ sources }) => sources));
  const layers = plan.nodes.filter(({ outputs: [output = ""] }) => sources.has(output));
  const names = new Set(layers.map(({ outputs }) => outputs[0] as string));
  const sums = new Map([...names].map((name) => [name, { signal: 0, noise: 0 }]));
  const floats = new GraphNetwork(plan.graph);
  const simulated = new SimulatedNetwork(quantized);
  for (const network of [floats, simulated]) network.eval();
  try {
    for (let i = 0; i < (images.shape[0] as number); i++)
      scope(() =>
        noGrad(() => {
          const image = narrow(images, 0, i, 1);
          const exact = new Map<string, Tensor>();
          floats.observed(image, (name, values) => {
            if (names.has(name)) exact.set(name, keep(clone(values)));
          });
          simulated.observed(image, (name, values) => {
            const [sum, wanted] = [sums.get(name), exact.get(name)];
            if (sum === undefined || wanted === undefined) return;
            sum.signal += squared(wanted);
            sum.noise += squared(sub(values, wanted));
            wanted.dispose();
          });
        }),
      );
  } finally {
    for (const network of [floats, simulated]) network.dispose();
  }
  const producers = producersOf({ ...plan.graph, nodes: plan.nodes });
  return [...sums].map(([name, { signal, noise }]) => {
    const { operator = "", path = "" } = producers.get(name) ?? {};
    return { name, operator, path, decibels: noise === 0 ? null : 10 * Math.log10(signal / noise) };
  });
}

const squared = (values: Tensor): number => sum(mul(values, values), { dtype: "float64" }).item();
