/**
 * A convolution's kernel as the product of three.
 *
 * @module
 */
import {
  add,
  Conv2d,
  call,
  cast,
  copyInPlace,
  Module,
  matmul,
  noGrad,
  reshape,
  scope,
  sub,
  type Tensor,
  transpose,
  unsqueeze,
} from "@pea/torch";

/** Kernels of three convolutions, one after the other; K is the size of the middle one. */
interface Factors {
  /** [groups, m′, m] */
  readonly first: Tensor;
  /** [groups, n′, m′, K] */
  readonly middle: Tensor;
  /** [groups, n, n′] */
  readonly last: Tensor;
}

/**
 * Three convolutions with nothing between them, which compute what a k×k one of C → N channels does: 1×1 of C → r·C, k×k of
 * r·C → r·N, 1×1 of r·N → N (Guo, Alvarez and Salzmann, "ExpandNets: Linear Over-parameterization to Train Compact Convolutional
 * Networks", 2020, "CL"). Groups stay apart in all three.
 */
export class Expansion extends Module {
  readonly first: Conv2d;
  readonly middle: Conv2d;
  readonly last: Conv2d;

  /**
   * The product is the kernel W of `conv`: first and last have orthonormal columns and rows, and the middle is as PyTorch draws
   * it, M, with what lacks for the product: M + lastᵀ (W − last M first) firstᵀ.
   */
  constructor(conv: Conv2d, rate: number) {
    super();
    const { inputChannels, outputChannels, kernelSize, options } = conv;
    const { groups = 1, padding = 0, bias: _, ...others } = options;
    const [height = 1, width = 1] = kernelSize;
    const [inner, outer] = [rate * inputChannels, rate * outputChannels];
    // Zeros around an image stay zeros in the first, which has no bias.
    this.first = new Conv2d(inputChannels, inner, 1, { padding, groups, bias: false });
    this.middle = new Conv2d(inner, outer, [height, width], { ...others, groups, bias: false });
    this.last = new Conv2d(outer, outputChannels, 1, { groups, bias: false });
    noGrad(() => scope(() => this.#begin(conv)));
    this.to({ device: conv.weight.device });
  }

  /** The kernel of the plain convolution, [N, C / groups, k, k]. */
  kernel(): Tensor {
    const { first, last, middle } = this;
    const [outputs = 1] = last.weight.shape;
    const [, inputs = 1] = first.weight.shape;
    return reshape(product(this.#factors()), [outputs, inputs, ...middle.kernelSize]);
  }

  /** [N, C, H, W] → what the plain convolution gives before its bias, if that pads by its options alone. */
  override forward(x: Tensor): Tensor {
    return this.last.forward(this.middle.forward(this.first.forward(x)));
  }

  #factors(): Factors {
    const groups = this.first.options.groups ?? 1;
    const [first, middle, last] = [this.first, this.middle, this.last].map(({ weight }) => {
      const [outputs = 1, inputs = 1, ...kernel] = weight.shape;
      const size = kernel.reduce((a, b) => a * b, 1);
      return reshape(weight, [
        groups,
        outputs / groups,
        inputs,
        ...(weight === this.middle.weight ? [size] : []),
      ]);
    }) as [Tensor, Tensor, Tensor];
    return { first, middle, last };
  }

  #begin(conv: Conv2d): void {
    const drawn = this.#factors();
    const first = orthonormal(drawn.first);
    const last = transposed(orthonormal(transposed(drawn.last)));
    const middle = wide(drawn.middle);
    const [groups = 1, n = 1] = last.shape;
    const plain = reshape(wide(conv.weight), [groups, n, first.shape[2] as number, -1]);
    const lacking = sub(plain, product({ first, middle, last }));
    const completed = add(
      middle,
      product({ first: transposed(first), middle: lacking, last: transposed(last) }),
    );
    for (const [{ weight }, value] of [
      [this.first, first],
      [this.middle, completed],
      [this.last, last],
    ] as const)
      copyInPlace(weight, reshape(value, weight.shape));
  }
}

/** last · middle · first for each group and place of the kernel: [groups, n, m, K]. */
function product({ first, middle, last }: Factors): Tensor {
  const [groups = 1, outer = 1, inner = 1, size = 1] = middle.shape;
  const half = matmul(last, reshape(middle, [groups, outer, inner * size]));
  const byPlace = transposed(reshape(half, [groups, last.shape[1] as number, inner, size]));
  return transposed(matmul(byPlace, unsqueeze(first, 1)));
}

/** [groups, a, b], a ≥ b → a matrix of orthonormal columns for each group, which span the same, in float64. */
function orthonormal(matrices: Tensor): Tensor {
  const [columns] = call<Tensor[]>("aten::linalg_qr", wide(matrices), "reduced");
  return columns as Tensor;
}

/** With the last two axes exchanged. */
function transposed(one: Tensor): Tensor {
  return transpose(one, one.ndim - 2, one.ndim - 1);
}

function wide(one: Tensor): Tensor {
  return cast(one, { dtype: "float64", device: "cpu" });
}
