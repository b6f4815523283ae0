/**
 * Training with a second layer behind convolutions.
 *
 * @module
 */
import { alphaAt, PeaError, type PhasePlan, parseDuration, planPhases } from "@pea/core";
import { sub, type Tensor } from "@pea/torch";
import { drawnApart } from "../drawn-apart.ts";
import type { FitContext, Method, MethodState, Obstacle, Phase, StepSpan } from "../method.ts";
import { refuseOtherState } from "../method-state.ts";
import { type NormalizedConvolution, normalizedConvolutions } from "../normalized-convolutions.ts";
import { mergePair, SecondLayer } from "./second-layer.ts";

const name = "act-learn";

/** A convolution with its second layer. */
interface Site extends NormalizedConvolution {
  readonly second: SecondLayer;
}

/**
 * Hangs batch norm, (1 − λ) · ReLU(x) + λ · x and a 1×1 convolution behind each convolution that a batch norm follows, where it is not in
 * groups. λ goes from 0 to 1 in equal steps; then the two layers are one, which they are merged into (VanillaNet's deep training
 * strategy).
 */
export class ActLearnMethod implements Method {
  readonly #end: string | number;
  /** What the sites share. */
  readonly #control = { lambda: 0 };
  #fitted: { plan: PhasePlan; sites: readonly Site[] } | null = null;
  #hasStructure = false;
  /** Steps begun so far. */
  #steps = 0;

  constructor({ end }: { end: string | number }) {
    this.#end = end;
  }

  get phases(): Phase[] {
    const { transitionSteps: end, totalSteps } = this.#run.plan;
    return [
      { name: "two layers", firstStep: 0, endStep: end },
      { name: "one layer", firstStep: end, endStep: totalSteps },
    ];
  }

  get view(): "deployed" | null {
    return this.#hasStructure && this.#lambda < 1 ? "deployed" : null;
  }

  /** @throws PeaError of kind usage where no step is left for either phase, or the network has no such convolution. */
  fit({ model, totalSteps, stepsPerEpoch, seed, inputShape }: FitContext): void {
    const plan = planPhases(
      { totalSteps, stepsPerEpoch },
      parseDuration(this.#end),
      parseDuration("0st"),
      name,
    );
    const layers = normalizedConvolutions(model, inputShape).filter(({ conv }) => !isInGroups(conv));
    if (layers.length === 0)
      throw new PeaError(
        `${name} finds no convolution in ${model.constructor.name} that it can hang a layer behind: one with a batch norm behind ` +
          `it, not in groups; leave ${name} out, or take a network such as resnet18`,
        { kind: "usage" },
      );
    const sites = drawnApart(name, seed, () => layers.map((layer) => this.#hang(layer)));
    this.#fitted = { plan, sites };
    this.#hasStructure = true;
  }

  beforePass(step: number): void {
    this.#steps = step + 1;
    this.show(false);
  }

  show(deployed: boolean): void {
    this.#control.lambda = deployed ? 1 : this.#lambda;
  }

  obstacle(): Obstacle | null {
    if (!this.#hasStructure || this.#lambda === 1) return null;
    return {
      why: `lambda is ${this.#lambda.toFixed(3)}: what lies between two layers that are to be one is no identity yet`,
      endStep: this.#run.plan.transitionSteps,
    };
  }

  /** @throws PeaError unless the last step ran with λ = 1. */
  deploy(): void {
    if (this.#hasStructure && this.#lambda < 1)
      throw new PeaError(`lambda is ${this.#lambda}: two layers are not one yet; train until they are`);
    this.show(true);
  }

  merged(): ReadonlyMap<string, Tensor> {
    const sites = this.#hasStructure ? this.#run.sites : [];
    return new Map(
      sites.flatMap(({ conv, norm, second, paths }): (readonly [string, Tensor])[] => {
        const { kernel, shift } = mergePair(conv, second);
        return [
          [`${paths.conv}.weight`, kernel],
          // Without a bias the batch norm behind it takes the shift off its mean.
          conv.bias === null
            ? [`${paths.norm}.running_mean`, sub(norm.runningMean, shift)]
            : [`${paths.conv}.bias`, shift],
        ];
      }),
    );
  }

  removeStructure(): void {
    for (const { conv } of this.#run.sites) {
      Reflect.deleteProperty(conv, "forward");
      Reflect.deleteProperty(conv, "second");
    }
    this.#hasStructure = false;
  }

  scalars(): Record<string, number> {
    return { "act-learn": this.#lambda };
  }

  isCandidate({ firstStep }: StepSpan): boolean {
    return this.#lambdaAt(firstStep) === 1;
  }

  state(): MethodState {
    return { ...this.#run.plan, steps: this.#steps };
  }

  load(state: MethodState): void {
    refuseOtherState(this.state(), state);
    const steps = Number(state.steps);
    if (steps > 0) this.beforePass(steps - 1);
  }

  /** The second layers' weights, which averages may hold, too, until now. */
  dispose(): void {
    for (const { second } of this.#fitted?.sites ?? []) second.dispose();
  }

  /** Lets the convolution compute its second layer, too. */
  #hang(layer: NormalizedConvolution): Site {
    const { conv, norm } = layer;
    const second = new SecondLayer(conv.outputChannels, norm, this.#control);
    second.to({ device: conv.weight.device, memoryFormat: "channels_last" });
    second.train(conv.training);
    const plain = conv.forward.bind(conv);
    Object.assign(conv, { second });
    Object.defineProperty(conv, "forward", {
      configurable: true,
      value: (x: Tensor) => second.forward(plain(x)),
    });
    return { ...layer, second };
  }

  get #lambda(): number {
    return this.#lambdaAt(Math.max(this.#steps - 1, 0));
  }

  #lambdaAt(step: number): number {
    return alphaAt(step, this.#run.plan);
  }

  get #run(): { plan: PhasePlan; sites: readonly Site[] } {
    if (this.#fitted === null) throw new PeaError("ActLearnMethod: call fit before the other hooks");
    return this.#fitted;
  }
}

function isInGroups({ options: { groups = 1 } }: NormalizedConvolution["conv"]): boolean {
  return groups > 1;
}
