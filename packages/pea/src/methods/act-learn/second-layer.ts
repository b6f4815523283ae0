/**
 * What follows a convolution while it trains, and merging the two.
 *
 * @module
 */
import {
  BatchNorm2d,
  batchNormAffine,
  Conv2d,
  cast,
  leakyRelu,
  Module,
  matmul,
  mul,
  noGrad,
  reshape,
  type Tensor,
} from "@pea/torch";

/**
 * Batch norm, an activation that is ReLU at λ = 0 and the identity at λ = 1, and a 1×1 convolution (Chen, Wang, Guo and Tao,
 * "VanillaNet: the Power of Minimalism in Deep Learning", 2023, section 3.1: (1 − λ) · ReLU(x) + λ · x).
 */
export class SecondLayer extends Module {
  readonly norm: BatchNorm2d;
  readonly conv: Conv2d;
  readonly #control: { readonly lambda: number };

  /**
   * @param channels that it reads and gives
   * @param norm whose settings its own has
   * @param control λ of the whole network
   */
  constructor(channels: number, { eps, momentum }: BatchNorm2d, control: { readonly lambda: number }) {
    super();
    this.norm = new BatchNorm2d(channels, { eps, momentum });
    this.conv = new Conv2d(channels, channels, 1, { bias: false });
    this.#control = control;
  }

  /** [N, channels, H, W] → the same. */
  override forward(x: Tensor): Tensor {
    const { lambda } = this.#control;
    const normalized = this.norm.forward(x);
    return this.conv.forward(lambda === 1 ? normalized : leakyRelu(normalized, { negativeSlope: lambda }));
  }
}

/** A convolution that computes two layers at once, but for what has to be added to each channel of its result. */
export interface MergedPair {
  readonly kernel: Tensor;
  readonly shift: Tensor;
}

/**
 * With s = γ / √(variance + ε) of the batch norm between W and P, the kernel of both is P · s · W and the shift P · (β − s · (mean − b)),
 * b the first one's bias. Computed in float64 and rounded once.
 *
 * @param conv not in groups
 */
export function mergePair({ weight, bias }: Conv2d, { norm, conv }: SecondLayer): MergedPair {
  return noGrad(() => {
    const [outputs = 1] = weight.shape;
    const { scale, shift } = batchNormAffine(norm, bias);
    const last = cast(reshape(conv.weight, [outputs, outputs]), { dtype: "float64" });
    const kernel = matmul(last, mul(reshape(scale, [-1, 1]), reshape(weight, [outputs, -1])));
    const { dtype } = weight;
    return {
      kernel: cast(reshape(kernel, weight.shape), { dtype }),
      shift: cast(reshape(matmul(last, reshape(shift, [-1, 1])), [outputs]), { dtype }),
    };
  });
}
