/**
 * The methods of a run together: what the trainer calls, and all it knows of them.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import type { Graph } from "@pea/graph";
import { type Module, scope, type Tensor } from "@pea/torch";
import type { Ranks } from "../distributed/ranks.ts";
import type { ImageChange } from "../images/transforms/image-change.ts";
import type { TrainedIntegers } from "../quantize/trained-integers.ts";
import { type ChosenMethod, checkTogether, titleOf } from "./chosen-method.ts";
import type {
  FitContext,
  LossPass,
  Method,
  Obstacle,
  Phase,
  SavedMethod,
  StepSpan,
  TrainingBatch,
  TrainingStart,
} from "./method.ts";
import { refuseOtherMethods } from "./method-state.ts";

/**
 * A look that an evaluation may take at the network: `current` as it trains now, `deployed` as it will run in the end,
 * and others that methods have between them, e.g. `averaged`.
 */
export type EvaluationView = string;

/** A method in a run, under the name that recipes have for it. */
export interface NamedMethod {
  name: string;
  hooks: Method;
}

/**
 * Makes the hooks of the methods that a recipe chose.
 *
 * @throws PeaError of kind usage for methods that do not go together, and settings that cannot be
 */
export async function createMethods(chosen: readonly ChosenMethod[]): Promise<Methods> {
  checkTogether(chosen);
  const methods = chosen.map(async ({ descriptor, settings }) => ({
    name: descriptor.name,
    hooks: await descriptor.create(settings),
  }));
  return new Methods(await Promise.all(methods), chosen.map(titleOf));
}

/** The run that methods are fitted to, apart from what each is told of those before it. */
type RunContext = Omit<FitContext, "phases" | "deployableFrom">;

/** The hooks of all methods of a run, called in their order. Without any it is plain training. */
export class Methods {
  readonly #methods: readonly NamedMethod[];
  readonly #hooks: readonly Method[];
  /** How each is told in words. */
  readonly titles: readonly string[];
  #context: RunContext | null = null;
  /** State-dict keys of the plain network. */
  #keys: ReadonlySet<string> = new Set();
  /** Steps begun so far. */
  #steps = 0;

  constructor(methods: readonly NamedMethod[], titles = methods.map(({ name }) => name)) {
    this.#methods = methods;
    this.#hooks = methods.map(({ hooks }) => hooks);
    this.titles = titles;
  }

  /**
   * The phases of the run, in order, together covering every step: of methods that have none one that is called
   * `training`, and of several a phase for each pair that comes together.
   */
  get phases(): readonly Phase[] {
    return phasesOf(this.#hooks, this.#run.totalSteps);
  }

  /** Name of the phase of the last step (before it: of the first phase). */
  get phase(): string {
    const step = Math.max(this.#steps - 1, 0);
    return this.phases.find(({ endStep }) => step < endStep)?.name ?? "";
  }

  /**
   * The views worth evaluating now: `current` first, last the network as it will be deployed. One that would repeat
   * another is left out.
   */
  get views(): readonly EvaluationView[] {
    const own = this.#hooks.flatMap(({ view }) => view ?? []);
    const between = new Set(own.filter((view) => view !== deployed));
    const isCommon = own.length > 1 || own.includes(deployed);
    return ["current", ...between, ...(isCommon ? [deployed] : [])];
  }

  /** @param context.graph of the plain network */
  fit(context: RunContext): void {
    this.#context = context;
    this.#keys = new Set(context.model.stateDict().keys());
    this.#hooks.forEach((hooks, i) => {
      const before = this.#hooks.slice(0, i);
      const graph = context.graph && deployedBy(before, context.graph);
      const phases = phasesOf(before, context.totalSteps);
      const deployableFrom = Math.max(0, ...before.map((hooks) => endOfObstacle(hooks, context)));
      hooks.fit?.({ ...context, ...(graph && { graph }), phases, deployableFrom });
    });
  }

  /** What the loader does to each training image, in order. */
  get imageChanges(): readonly ImageChange[] {
    return this.#hooks.flatMap(({ imageChange }) => imageChange ?? []);
  }

  /** Whether a method makes images of several of a batch. */
  get mixes(): boolean {
    return this.#hooks.some(({ mixes }) => mixes);
  }

  /** What the step trains on: the batch as each method made it of that of the one before. */
  batch(loaded: Omit<TrainingBatch, "along">, step: number): TrainingBatch {
    const { images, labels, indices, variants } = loaded;
    const batch: TrainingBatch = { images, labels, indices, ...(variants && { variants }), along: {} };
    const made = this.#hooks.reduce((made, hooks) => hooks.batch?.(made, step) ?? made, batch);
    if (made.images === images) return made;
    const { variants: _, ...changed } = made;
    return changed;
  }

  /** Whether a method has something to give along that takes time. */
  get asks(): boolean {
    return this.#hooks.some(({ ask }) => ask !== undefined);
  }

  /** What all methods give along; the tensors are the caller's. */
  async ask(batch: TrainingBatch, step: number): Promise<Record<string, Tensor>> {
    const along: Record<string, Tensor> = {};
    for (const hooks of this.#hooks) Object.assign(along, await hooks.ask?.(batch, step));
    return along;
  }

  async begin(start: TrainingStart): Promise<void> {
    for (const hooks of this.#hooks) await hooks.begin?.(start);
  }

  /** The learning rate of a step, as each method made it of that of the one before. */
  learningRate(scheduled: number, step: number): number {
    return this.#hooks.reduce((rate, hooks) => hooks.learningRate?.(rate, step) ?? rate, scheduled);
  }

  beforePass(step: number, part = 0): void {
    this.#steps = step + 1;
    for (const hooks of this.#hooks) hooks.beforePass?.(step, part);
  }

  /** The loss to train with: that of the task as each method made it of that of the one before. */
  loss(loss: Tensor, pass: LossPass): Tensor {
    return this.#hooks.reduce((made, hooks) => hooks.loss?.(made, pass) ?? made, loss);
  }

  /** Whether gradients are not yet where the optimizer looks when backward() has ended. */
  get movesGradients(): boolean {
    return this.#hooks.some(({ afterBackward }) => afterBackward);
  }

  afterBackward(): void {
    for (const hooks of this.#hooks.toReversed()) hooks.afterBackward?.();
  }

  /** Brings together what the methods gathered of each rank's images. */
  async share(ranks: Ranks): Promise<void> {
    for (const hooks of this.#hooks) await hooks.share?.(ranks);
  }

  gradients(step: number): void {
    for (const hooks of this.#hooks) hooks.gradients?.(step);
  }

  afterStep(step: number): void {
    for (const hooks of this.#hooks) hooks.afterStep?.(step);
  }

  /** Shows the network under one of `views`. */
  show(view: EvaluationView): void {
    for (const hooks of this.#hooks) hooks.show?.(view === deployed || hooks.view === view);
  }

  /** Training batches that batch norm's statistics are computed anew from under a view; 0: they stay as they are. */
  reestimateFrom(view: EvaluationView): number {
    const shown = this.#hooks.filter((hooks) => view === deployed || hooks.view === view);
    return Math.max(0, ...shown.map(({ reestimateFrom = 0 }) => reestimateFrom));
  }

  get obstacle(): Obstacle | null {
    for (const hooks of this.#hooks) {
      const found = hooks.obstacle?.() ?? null;
      if (found !== null) return found;
    }
    return null;
  }

  /** The graph of the plain network as it will be deployed. */
  asDeployed(graph: Graph): Graph {
    return deployedBy(this.#hooks, graph);
  }

  /** Turns the model into the network that is deployed. */
  deploy(): void {
    this.endTraining();
    this.merge();
  }

  /** The same but for layers that only training has, of which batch norm's statistics may be computed anew before they are merged. */
  endTraining(): void {
    for (const hooks of this.#hooks) hooks.deploy?.();
  }

  /** Merges layers that only training has into those of the plain network. */
  merge(): void {
    const { model } = this.#run;
    if (!this.#hooks.some(({ removeStructure }) => removeStructure)) return;
    scope(() => {
      const weights = this.deployedWeights(model);
      this.removeStructure();
      model.loadStateDict(weights);
    });
  }

  /** Takes layers that only training has out of the model, which is then to be given weights of the plain network. */
  removeStructure(): void {
    for (const hooks of this.#hooks) hooks.removeStructure?.();
  }

  /** The state dict of the model as it would be with all layers merged, of this moment. */
  deployedWeights(model: Module): Map<string, Tensor> {
    const merged = new Map(this.#hooks.flatMap((hooks) => [...(hooks.merged?.() ?? [])]));
    const isPlain = (key: string) => this.#context === null || this.#keys.has(key);
    const state = [...model.stateDict()].filter(([key]) => isPlain(key));
    return new Map(state.map(([key, tensor]) => [key, merged.get(key) ?? tensor]));
  }

  /** How a method rounded values while training; undefined where none did. */
  get trainedIntegers(): TrainedIntegers | undefined {
    return this.#hooks.map((hooks) => hooks.trainedIntegers?.()).find((trained) => trained !== undefined);
  }

  /** What the methods found out in the run, by the keys of recipes. */
  found(): Record<string, unknown> {
    return Object.assign({}, ...this.#hooks.map((hooks) => hooks.found?.() ?? {}));
  }

  scalars(): Record<string, number> {
    return Object.assign({}, ...this.#hooks.map((hooks) => hooks.scalars?.() ?? {}));
  }

  /** Whether every method lets a model evaluated after the steps of `epoch` be the best one. */
  isCandidate(epoch: StepSpan): boolean {
    return this.#hooks.every((hooks) => hooks.isCandidate?.(epoch) ?? true);
  }

  state(): SavedMethod[] {
    return this.#methods.map(({ name, hooks }) => ({ ...hooks.state?.(), method: name }));
  }

  /** By the method's name, "/" and the name that it has there. */
  tensors(): Map<string, Tensor> {
    const named = this.#methods.flatMap(({ name, hooks }) =>
      [...(hooks.tensors?.() ?? [])].map(([key, tensor]) => [`${name}/${key}`, tensor] as const),
    );
    return new Map(named);
  }

  /**
   * Goes back to a saved state.
   *
   * @param steps weight updates done
   * @param tensors as `tensors` gave them; none where the weights were saved as they are deployed
   * @throws PeaError of kind usage when it was saved by other methods, or under another plan
   */
  load(
    saved: readonly SavedMethod[],
    { steps, tensors = new Map() }: { steps: number; tensors?: ReadonlyMap<string, Tensor> },
  ): void {
    refuseOtherMethods(
      this.#methods.map(({ name }) => name),
      saved,
    );
    this.#steps = steps;
    for (const [i, { name, hooks }] of this.#methods.entries()) {
      const { method: _, ...state } = saved[i] as SavedMethod;
      const own = [...tensors].filter(([key]) => key.startsWith(`${name}/`));
      hooks.load?.(state, new Map(own.map(([key, tensor]) => [key.slice(name.length + 1), tensor])));
    }
  }

  /** Frees what the methods hold; the network stays. */
  dispose(): void {
    for (const hooks of this.#hooks) hooks.dispose?.();
  }

  get #run(): RunContext {
    if (this.#context === null) throw new PeaError("Methods: call fit before the other hooks");
    return this.#context;
  }
}

const deployed: EvaluationView = "deployed";

/** The first step that trains without what keeps a method's network from being deployed. */
function endOfObstacle(hooks: Method, { totalSteps }: Pick<FitContext, "totalSteps">): number {
  const obstacle = hooks.obstacle?.() ?? null;
  return obstacle === null ? 0 : (obstacle.endStep ?? totalSteps);
}

function deployedBy(methods: readonly Method[], graph: Graph): Graph {
  return methods.reduce((deployed, hooks) => hooks.asDeployed?.(deployed) ?? deployed, graph);
}

/** The phases of several methods at once; the whole run as one where they have none. */
function phasesOf(methods: readonly Method[], totalSteps: number): readonly Phase[] {
  const whole = [{ name: "training", firstStep: 0, endStep: totalSteps }];
  const [first = whole, ...others] = methods.flatMap(({ phases }) => (phases ? [phases] : []));
  return others.reduce(crossed, first);
}

/** The phases of two methods at once. */
function crossed(some: readonly Phase[], others: readonly Phase[]): Phase[] {
  return some.flatMap((one) =>
    others.flatMap((other) => {
      const firstStep = Math.max(one.firstStep, other.firstStep);
      const endStep = Math.min(one.endStep, other.endStep);
      return firstStep < endStep ? [{ name: `${one.name}, ${other.name}`, firstStep, endStep }] : [];
    }),
  );
}
