import { ones, zeros } from "../create.ts";
import { TorchError } from "../error.ts";
import { addInPlace, reluInPlace } from "../ops/in-place.ts";
import { batchNorm } from "../ops/norm.ts";
import { add } from "../ops/pointwise.ts";
import { optionsOf } from "../options.ts";
import { countUp, type Tensor } from "../tensor.ts";
import { ReLU } from "./activation.ts";
import { type AfterBatchNorm, type BatchNormState, fusedBatchNorm } from "./batch-norm-kernel.ts";
import { type SumOverRanks, stateOverRanks } from "./batch-norm-over-ranks.ts";
import { checkInput, type ExpectedShape } from "./check-input.ts";
import { activeFold } from "./fold-batch-norm.ts";
import { Module } from "./module.ts";
import { keepsIntermediates } from "./run-in-turn.ts";

/** Options of a batch normalization layer. */
export interface BatchNormLayerOptions {
  /** Added to the variance; 1e-5 by default. */
  eps?: number;
  /** Weight of the batch in the running statistics, PyTorch's meaning (Keras' is 1 − momentum); 0.1 by default. */
  momentum?: number;
}

/**
 * Per channel: (x − mean) / √(variance + eps) · weight + bias. In training mean and biased variance are those of
 * the batch, and the running mean and (unbiased) variance follow them; in inference the running ones are used.
 */
abstract class BatchNorm extends Module implements BatchNormState {
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly runningMean: Tensor;
  readonly runningVar: Tensor;
  /** Number of training passes so far: a scalar int64. */
  readonly numBatchesTracked: Tensor;
  readonly eps: number;
  /** Weight of the batch in the running statistics; may be changed between two passes. */
  momentum: number;
  /**
   * Gives what is added to the normalized values, beside a residual, of their shape; freed once it is added. Whoever hangs
   * branches beside the layer before this one sets it.
   */
  addend: (() => Tensor) | null = null;
  /**
   * Given where several ranks train together: passes in training normalize by the mean and variance of all ranks'
   * inputs. All then pass as often and in the same order.
   *
   * @example
   * norm.sumOverRanks = (x) => group.sum(x);
   */
  sumOverRanks: SumOverRanks | null = null;

  constructor(
    readonly channels: number,
    options: BatchNormLayerOptions = {},
  ) {
    super();
    const { name } = new.target;
    const { eps = 1e-5, momentum = 0.1 } = optionsOf(`new ${name}(channels, { eps, momentum })`, options);
    this.eps = eps;
    this.momentum = momentum;
    this.weight = this.parameter("weight", ones([channels]));
    this.bias = this.parameter("bias", zeros([channels]));
    this.runningMean = this.buffer("running_mean", zeros([channels]));
    this.runningVar = this.buffer("running_var", ones([channels]));
    this.numBatchesTracked = this.buffer("num_batches_tracked", zeros([], { dtype: "int64" }));
  }

  /**
   * activation(batchNorm(input) [+ residual]).
   * @throws TorchError in training for one value per channel, which has no variance
   */
  protected normalize(input: Tensor, after: AfterBatchNorm = {}): Tensor {
    if (this.training) {
      if (input.numel === this.channels && this.sumOverRanks === null) {
        throw new TorchError(
          `${this} in training needs more than one value per channel, got an input of shape ` +
            `[${input.shape.join(", ")}]; use a larger batch (drop a last batch of one), or eval()`,
        );
      }
      countUp(this.numBatchesTracked);
    }
    if (this.addend === null) return this.#normalizeWith(input, after);
    const addend = this.addend();
    const residual = after.residual === undefined ? addend : add(after.residual, addend);
    const result = this.#normalizeWith(input, { ...after, residual });
    if (!keepsIntermediates()) addend.dispose();
    return result;
  }

  #normalizeWith(input: Tensor, after: AfterBatchNorm): Tensor {
    if (activeFold(this) !== undefined) return activateInPlace(input, after);
    const sumOverRanks = this.training ? this.sumOverRanks : null;
    const state = sumOverRanks === null ? this : stateOverRanks(input, this, sumOverRanks);
    const fused = fusedBatchNorm(input, state, after);
    if (fused !== undefined) return fused;
    const { weight, bias, runningMean, runningVar, training, momentum, eps } = state;
    const normalized = batchNorm(input, { weight, bias, runningMean, runningVar, training, momentum, eps });
    const { residual, activation } = after;
    const sum = residual === undefined ? normalized : add(normalized, residual);
    return activation === undefined ? sum : activation.forward(sum);
  }

  override toString(): string {
    return `${this.constructor.name}(${this.channels})`;
  }
}

/** activation(input [+ residual]), where the input is a convolution's result that nobody else reads. */
function activateInPlace(input: Tensor, { residual, activation }: AfterBatchNorm): Tensor {
  const sum = residual === undefined ? input : addInPlace(input, residual);
  if (activation === undefined) return sum;
  return activation.constructor === ReLU ? reluInPlace(sum) : activation.forward(sum);
}

/** Batch normalization of [N, channels] or [N, channels, L]. */
export class BatchNorm1d extends BatchNorm {
  forward(input: Tensor): Tensor {
    checkInput(this, input, input.ndim === 2 ? ["N", this.channels] : ["N", this.channels, "L"]);
    return this.normalize(input);
  }
}

/** Batch normalization of [N, channels, H, W]. */
export class BatchNorm2d extends BatchNorm {
  readonly #expected: ExpectedShape = ["N", this.channels, "H", "W"];

  forward(input: Tensor): Tensor {
    return this.normalize(input);
  }

  protected override normalize(input: Tensor, after?: AfterBatchNorm): Tensor {
    checkInput(this, input, this.#expected);
    return super.normalize(input, after);
  }
}
