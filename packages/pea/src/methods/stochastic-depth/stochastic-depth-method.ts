/**
 * Training with residual branches left out at random.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import {
  add,
  BatchNorm2d,
  BatchNormAct2d,
  cast,
  type Module,
  mul,
  noGrad,
  scope,
  type Tensor,
  tensor,
  zeros,
} from "@pea/torch";
import { type Draws, drawsOf } from "../draws.ts";
import type { FitContext, Method, MethodState } from "../method.ts";
import { refuseOtherState } from "../method-state.ts";
import { findPlaces } from "../replace-modules.ts";

const name = "stochastic-depth";

/** A batch norm to which a residual may be given. */
type EndOfBranch = BatchNorm2d & { forward(x: Tensor, residual?: Tensor): Tensor };

/** pₗ = 1 − l/L · drop: how likely the branch l = 1 … L is to run (the paper's linear decay, with p_L = 1 − drop). */
export function survivalOf(branch: number, branches: number, drop: number): number {
  return 1 - (branch / branches) * drop;
}

/**
 * In training, of each image, residual + b/pₗ · branch with b = 1 with probability pₗ and else 0; in evaluation the network is
 * the plain one (Huang, Sun, Liu, Sedra and Weinberger, "Deep Networks with Stochastic Depth", 2016, drawn for each image and
 * scaled in training as torchvision's `StochasticDepth` in mode "row"). A branch is known by its end, a batch norm that is
 * given a residual.
 */
export class StochasticDepthMethod implements Method {
  readonly #drop: number;
  #seed = 0;
  #draws: Draws | null = null;
  #isDeployed = false;

  constructor({ drop }: { drop: number }) {
    this.#drop = drop;
  }

  /** @throws PeaError of kind usage where no batch norm of the network is given a residual. */
  fit({ model, seed, inputShape }: FitContext): void {
    this.#seed = seed;
    const ends = endsOfBranches(model, inputShape);
    if (ends.length === 0)
      throw new PeaError(
        `${name} finds no residual branch in ${model.constructor.name}, one that ends in a batch norm to which the way past ` +
          `it is added; leave ${name} out, or take a network such as resnet18`,
        { kind: "usage" },
      );
    for (const [i, end] of ends.entries()) this.#watch(end, survivalOf(i + 1, ends.length, this.#drop));
  }

  beforePass(step: number, part: number): void {
    this.#draws = drawsOf(part === 0 ? name : `${name} ${part}`, this.#seed, step);
  }

  deploy(): void {
    this.#isDeployed = true;
  }

  state(): MethodState {
    return { drop: this.#drop };
  }

  load(state: MethodState): void {
    refuseOtherState(this.state(), state);
  }

  /** Stands before the forward pass of a branch's end. */
  #watch(end: EndOfBranch, survival: number): void {
    const plain = end.forward.bind(end);
    setForward(end, (x: Tensor, residual?: Tensor) => {
      if (!end.training || this.#isDeployed || this.#draws === null || residual === undefined)
        return plain(x, residual);
      const branch = BatchNorm2d.prototype.forward.call(end, x);
      const sum = add(mul(branch, runs(branch, survival, this.#draws)), residual);
      return end instanceof BatchNormAct2d ? end.activation.forward(sum) : sum;
    });
  }
}

/** [N, 1, 1, 1]: 1/p for the images whose branch runs, 0 for the others. */
function runs({ shape: [images = 0], dtype, device }: Tensor, survival: number, draws: Draws): Tensor {
  const scales = Float32Array.from({ length: images }, () => (draws.uniform() < survival ? 1 / survival : 0));
  return cast(tensor(scales, { shape: [images, 1, 1, 1] }), { dtype, device });
}

/** The batch norms that are given a residual, in the order in which they run. */
function endsOfBranches(model: Module, inputShape: readonly number[]): EndOfBranch[] {
  const isBatchNorm = (module: Module): module is EndOfBranch => module instanceof BatchNorm2d;
  const norms = findPlaces(model, isBatchNorm).map(({ module }) => module);
  const ends: EndOfBranch[] = [];
  const wasTraining = model.training;
  model.eval();
  for (const norm of norms) {
    const plain = norm.forward.bind(norm);
    setForward(norm, (x: Tensor, residual?: Tensor) => {
      if (residual !== undefined) ends.push(norm);
      return plain(x, residual);
    });
  }
  try {
    const device = model.parameters()[0]?.device;
    scope(() => noGrad(() => model.forward(zeros([1, ...inputShape], { device }))));
  } finally {
    for (const norm of norms) Reflect.deleteProperty(norm, "forward");
    model.train(wasTraining);
  }
  return ends;
}

function setForward(norm: EndOfBranch, forward: EndOfBranch["forward"]): void {
  Object.defineProperty(norm, "forward", { configurable: true, value: forward });
}
