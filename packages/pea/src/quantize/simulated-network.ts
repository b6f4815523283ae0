import { boundsOf, dequantize, type Quantization, type QuantizedGraph } from "@pea/graph";
import { call, clone, Module, type Tensor } from "@pea/torch";
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
      round(values, quantization);
      observe?.(name, values);
    });
  }
}

/**
 * Each number becomes the one that its integer stands for, halves rounded to the even one: what
 * `aten::fake_quantize_per_tensor_affine` gives, in a fraction of its time.
 */
function round(values: Tensor, { type, scales, zeroPoints }: Quantization): void {
  const [least, greatest] = boundsOf(type);
  const [scale, zeroPoint] = [scales[0] as number, zeroPoints[0] as number];
  call("aten::mul_.Scalar", values, Math.fround(1 / scale));
  call("aten::round_", values);
  call("aten::clamp_", values, least - zeroPoint, greatest - zeroPoint);
  call("aten::mul_.Scalar", values, scale);
}
