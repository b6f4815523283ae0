/**
 * The hooks of a training method: what it may do in a run, and when. Each is optional; a method has those that it needs.
 *
 * One run calls, in this order:
 *
 * 1. `fit` once, before the optimizer collects the parameters;
 * 2. `begin` where it trains, and `load` when it is resumed;
 * 3. per step `batch` and `ask`, then for the batch, or for each part that it passes in, `beforePass`, the forward pass, `loss` and
 *    the backward pass, then `afterBackward`, of the last method first, `gradients`, the update and `afterStep`;
 * 4. per evaluation `show`, for each view, then the forward passes in evaluation mode; `show(false)` before the next step;
 * 5. `deploy` once, after the last step, and `removeStructure` once batch norm's statistics are final: the model is then the
 *    network that is deployed.
 *
 * Steps count weight updates from 0 over the whole run. What a method does follows from the step, the run's seed and the
 * state that it keeps, so a resumed run goes on exactly where it stopped.
 *
 * @module
 */
import type { Graph } from "@pea/graph";
import type { Module, Tensor } from "@pea/torch";
import type { Ranks } from "../distributed/ranks.ts";
import type { PixelStatistics } from "../images/pixel-statistics.ts";
import type { ImageChange } from "../images/transforms/image-change.ts";
import type { TrainedIntegers } from "../quantize/trained-integers.ts";

/** The run a method is fitted to. */
export interface FitContext {
  /** The network to train; the method may swap its activation modules. */
  model: Module;
  /** Weight updates of the whole run, at least 1. */
  totalSteps: number;
  /** Weight updates of one epoch, at least 1. */
  stepsPerEpoch: number;
  /** Seed of the run. A method draws from streams of its own, never from the global generator. */
  seed: number;
  /** The highest of the run; left out where it is opened only to be asked. */
  peakLearningRate?: number;
  /** Of one image: channels, height and width. */
  inputShape: readonly number[];
  /** The network that the methods before it deploy; left out where it is opened only to be asked. */
  graph?: Graph;
  /** The phases of the methods before it in the run's list, as `Method.phases`; one where they have none. */
  phases: readonly Phase[];
  /**
   * The first step that trains the network which the methods before it deploy, `totalSteps` where none does; left out where all do.
   */
  deployableFrom?: number;
  /** What the network is trained for, e.g. `classification`; left out where it is opened only to be asked. */
  task?: string;
}

/** What a run that trains has for its methods. */
export interface TrainingStart {
  /** How its images are standardized. */
  statistics: PixelStatistics;
  /** Of its data, in the order of the logits. */
  classes: readonly string[];
  /** Of one image: channels, height and width. */
  inputShape: readonly number[];
  /**
   * Opens another network, of a run's folder or an ONNX file; to be closed.
   *
   * @throws PeaError of kind usage where there is none
   */
  openNetwork(source: string): Promise<OtherNetwork>;
}

/** A network that is asked about images. */
export interface OtherNetwork {
  /** SHA-256 of the file that it is read from. */
  readonly digest: string;
  readonly input: PixelStatistics & { readonly shape: readonly number[] };
  readonly classes: readonly string[];
  /** @param images standardized by its statistics, [count, ...input.shape] row-major */
  run(images: Float32Array, count: number): Promise<{ shape: readonly number[]; values: Float32Array }>;
  close(): Promise<void>;
}

/** Half-open span of steps: `firstStep` belongs to it, `endStep` does not. */
export interface StepSpan {
  firstStep: number;
  endStep: number;
}

/** One phase of the run, e.g. PEA's initial, transition and final phase. */
export interface Phase extends StepSpan {
  name: string;
}

/** What a step trains on. */
export interface TrainingBatch {
  /** Standardized, [N, C, H, W]. */
  readonly images: Tensor;
  /** int64 [N], in segmentation [N, H, W]. */
  readonly labels: Tensor;
  /** Which images of the training part these are, or were before methods mixed them: N indices. */
  readonly indices: Int32Array;
  /**
   * Which of the forms that augmentation makes of its sample each image is: of equal index and variant it is the same to the
   * bit, whatever the epoch. Left out where they are without number, and where methods have changed the images.
   */
  readonly variants?: Int32Array;
  /** What methods give along for their loss, by their names: tensors whose first dimension is the images', cut as they are. */
  readonly along: Readonly<Record<string, Tensor>>;
}

/** A pass whose loss is computed: of a step's batch, or of a part of it. */
export interface LossPass extends TrainingBatch {
  readonly step: number;
  /** Index of the part, from 0. */
  readonly part: number;
  /** [N, classes], in segmentation [N, classes, H, W]. */
  readonly logits: Tensor;
  /** The task's loss of these logits against other labels, smoothed as the run asks for; a scalar. */
  lossAgainst(labels: Tensor): Tensor;
}

/** What stands between a network and its deployment. */
export interface Obstacle {
  /** In words, e.g. `it runs a smooth activation (alpha is 0.5)`. */
  why: string;
  /** The first step that trains without it; left out where it stays to the end. */
  endStep?: number;
}

/** What a checkpoint keeps of a method as JSON. */
export type MethodState = Readonly<Record<string, string | number | boolean>>;

/** The same with the method's name. */
export type SavedMethod = MethodState & { readonly method: string };

/** A method in a run; see the module's description for the order of the calls. */
export interface Method {
  /** Its phases, in order, together covering every step; known after `fit`. */
  readonly phases?: readonly Phase[];

  /** What a look at the network as it will be deployed is called, e.g. `averaged`; null while that is the one that trains. */
  readonly view?: string | null;

  /**
   * Prepares the model and lays what it does over the steps of the run.
   *
   * @throws PeaError of kind usage when the method's settings do not fit the run.
   */
  fit?(context: FitContext): void;

  /**
   * Before a run trains, begun or gone on with; not where it is opened to be asked alone.
   *
   * @throws PeaError of kind usage where something that training needs is not there.
   */
  begin?(start: TrainingStart): Promise<void>;

  /** What the loader does to each training image, as bytes. */
  readonly imageChange?: ImageChange;

  /** Whether `batch` makes an image of several: where several ranks train, it is given whole batches then, not their shares. */
  readonly mixes?: boolean;

  /**
   * What the step trains on in the place of `batch`, on the same device. The tensors live as long as the step.
   *
   * @throws PeaError where it has no use for the batch.
   */
  batch?(batch: TrainingBatch, step: number): TrainingBatch;

  /** The learning rate of the step `step`, in the place of what the schedule, or the method before, has for it; before the step. */
  learningRate?(rate: number, step: number): number;

  /**
   * What is given along to the losses and takes time to be had, by its names there: after `batch` of all methods. The tensors
   * are the caller's.
   */
  ask?(batch: TrainingBatch, step: number): Promise<Record<string, Tensor>>;

  /**
   * Sets the model up for the training step `step` (from 0), before its forward pass. A batch that passes in parts has
   * this called before each, with the part's index from 0: what is drawn at random must differ between them.
   */
  beforePass?(step: number, part: number): void;

  /**
   * The loss to train with, in the place of or in addition to `loss`: a mean over what counts in the pass, as the task's,
   * so that the losses of a batch's parts add up to that of the batch.
   *
   * @param loss scalar of the task, or what the method before made of it
   */
  loss?(loss: Tensor, pass: LossPass): Tensor;

  /**
   * After the last backward pass of a step: puts gradients that it keeps elsewhere where the optimizer looks. What the methods
   * after it have put is there already.
   */
  afterBackward?(): void;

  /**
   * Where several ranks train together: brings together what it gathered of the images of each in the step. Without it a
   * method follows from weights, gradients and the step alone, which are the same on all ranks.
   */
  share?(ranks: Ranks): Promise<void>;

  /** May change the gradients of the parameters, before they are clipped and the weights updated. */
  gradients?(step: number): void;

  /** After the weight update of the step `step`. */
  afterStep?(step: number): void;

  /**
   * Shows the network for evaluation as it will be deployed, or as it trains now; holds until the next call.
   *
   * @param deployed false before each training step
   */
  show?(deployed: boolean): void;

  /**
   * Training batches that batch norm's statistics are computed anew from where the network is shown or left as it will be
   * deployed: those that were gathered in training are of other weights.
   */
  readonly reestimateFrom?: number;

  /** What keeps the network of this moment from being deployed as a ReLU network; null: nothing. */
  obstacle?(): Obstacle | null;

  /** A network's graph as it is after `deploy`, where that is not the plain network's; known before `fit`. */
  asDeployed?(graph: Graph): Graph;

  /**
   * Turns the model into the network that is deployed.
   *
   * @throws PeaError when training has not come that far.
   */
  deploy?(): void;

  /** Weights of the plain network in which those of layers that only training has are merged, by key, as they are now. */
  merged?(): ReadonlyMap<string, Tensor>;

  /** Takes out of the network what only training has; its weights then are, or become, those that were merged. */
  removeStructure?(): void;

  /** How it rounded values while training, if that had begun; an export with the same steps does not calibrate them then. */
  trainedIntegers?(): TrainedIntegers | undefined;

  /** What it found out or learned in the run, by the keys of a recipe that takes it; for `result.json`. */
  found?(): Record<string, unknown>;

  /** Values of the last step for the logs, e.g. `{ alpha: 0.25 }`. */
  scalars?(): Record<string, number>;

  /**
   * Whether a model evaluated after the steps of `epoch` may be chosen as the best one (for PEA only where every
   * step of the epoch ran in the final phase, spec recipes 2.4). Where no epoch of a run is a candidate, the last
   * model is the result.
   */
  isCandidate?(epoch: StepSpan): boolean;

  /** What a checkpoint must keep besides tensors. */
  state?(): MethodState;

  /** The tensors that a checkpoint must keep, by name; they stay the method's. */
  tensors?(): ReadonlyMap<string, Tensor>;

  /**
   * Goes back to a saved state; the model has its weights already.
   *
   * @param tensors those that `tensors` gave, which the caller frees; none where the weights were saved as they are
   * deployed
   * @throws PeaError of kind usage when the state was saved under another plan.
   */
  load?(state: MethodState, tensors: ReadonlyMap<string, Tensor>): void;

  /** Frees the tensors that it holds. */
  dispose?(): void;
}
