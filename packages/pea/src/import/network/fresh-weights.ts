/**
 * A network's graph with weights drawn anew.
 *
 * @module
 */
import { type Constant, elementsOf, type Graph } from "@pea/graph";
import { empty, init, scope, type Tensor } from "@pea/torch";

/**
 * All weights as a network begins with them: kernels by He's normal distribution, linear layers as PyTorch draws them,
 * biases 0, batch norm as if it were not there. They come from the engine's random generator. Numbers that are no layer's
 * weights stay.
 */
export function drawWeights(graph: Graph): Graph {
  const constants = new Map(graph.constants);
  const fill = (name: string | undefined, make: (shape: readonly number[]) => Constant) => {
    const constant = constants.get(name ?? "");
    if (name !== undefined && constant !== undefined) constants.set(name, make(constant.shape));
  };
  const all = (value: number) => (shape: readonly number[]) => ({
    shape,
    data: new Float32Array(elementsOf(shape)).fill(value),
  });
  for (const { operator, inputs } of graph.nodes) {
    const [, weight, bias, mean, variance] = inputs;
    switch (operator) {
      case "Conv":
      case "ConvTranspose":
        fill(weight, (shape) => drawn(shape, init.heNormal));
        fill(bias, all(0));
        break;
      case "Gemm":
      case "MatMul":
        fill(weight, (shape) => drawn(shape, init.layerDefault));
        fill(bias, all(0));
        break;
      case "BatchNormalization":
      case "LayerNormalization":
        fill(weight, all(1));
        fill(bias, all(0));
        fill(mean, all(0));
        fill(variance, all(1));
        break;
      case "PRelu":
        fill(weight, all(0.25));
        break;
    }
  }
  return { ...graph, constants };
}

/** A weight drawn by a rule, from the engine's random generator. */
export function drawn(shape: readonly number[], rule: (weight: Tensor) => unknown): Constant {
  const data = scope(() => {
    const weight = empty(shape);
    rule(weight);
    return weight.toTypedArray() as Float32Array;
  });
  return { shape, data };
}
