import { boundsOf, dequantize, type Quantization, type QuantizedGraph } from "@pea/graph";
import { call, clone, copyInPlace, Module, type Tensor } from "@pea/torch";
import { GraphNetwork, type ValueObserver } from "../import/network/graph-network.ts";

/**
 * A network of integers computed in floats: weights as the integers stand for them, and every value rounded to the number
 * that its integer would stand for. Sums are not rounded as kernels round them, so that results may differ by a step.
 */
export class SimulatedNetwork extends Module {
  readonly network: GraphNetwork;
  readonly #quantizations: QuantizedGraph["quantizations"];

  constructor(graph: QuantizedGraph) {
    super();
    this.network = new GraphNetwork(dequantize(graph));
    this.#quantizations = graph.quantizations;
  }

  /** [N, C, H, W] → what the network gives back, as floats. */
  override forward(images: Tensor): Tensor {
    return this.observed(images);
  }

  /** The same, watched: every value as it was rounded. */
  observed(images: Tensor, observe?: ValueObserver): Tensor {
    return this.network.observed(clone(images), (name, values) => {
      const quantization = this.#quantizations.get(name);
      // What a layer computes before its activation is not rounded.
      if (quantization === undefined) return;
      copyInPlace(values, rounded(values, quantization));
      observe?.(name, values);
    });
  }
}

/** Each number as the one that its integer stands for. */
function rounded(values: Tensor, { type, scales, zeroPoints }: Quantization): Tensor {
  const [least, greatest] = boundsOf(type);
  const [scale, zeroPoint] = [scales[0] as number, zeroPoints[0] as number];
  return call("aten::fake_quantize_per_tensor_affine", values, scale, zeroPoint, least, greatest);
}
