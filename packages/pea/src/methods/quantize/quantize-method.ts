/**
 * Quantization-aware training.
 *
 * @module
 */
import { type Duration, durationToSteps, formatDuration, PeaError, parseDuration } from "@pea/core";
import { type ActivationType, requireScheme, type Scheme } from "@pea/graph";
import { autocast, getRngState, isRecording, type Module, setRngState, type Tensor } from "@pea/torch";
import type { Ranks } from "../../distributed/ranks.ts";
import type { TrainedIntegers } from "../../quantize/trained-integers.ts";
import { traceNetwork } from "../../trace/trace.ts";
import type { FitContext, Method, MethodState, Phase, StepSpan } from "../method.ts";
import { refuseOtherState } from "../method-state.ts";
import { QuantizedForward, requireRoundable } from "./quantized-forward.ts";

/** Settings of quantization-aware training. */
export interface QuantizeSettings {
  /** When rounding begins; by default with the last phase of the other methods, where they have several, else at 75%. */
  start?: string | number | undefined;
  weights: Scheme["weights"];
  activations: ActivationType;
  scales: Scheme["scales"];
  /** Where the ranges of values come from: what they hold, or the loss. */
  ranges: "tracked" | "learned";
  /** What batch norm normalizes by while numbers are rounded: the batch, which running statistics follow, or those of before. */
  batchNorm: "running" | "frozen";
  /** Share of each step's range in the range that is tracked, from 0 to 1. */
  momentum: number;
}

const usualStart = "75%";

/** Trains, from a step on, with weights and values rounded to those that integers will stand for (`QuantizedForward`). */
export class QuantizeMethod implements Method {
  readonly #options: QuantizeSettings;
  readonly #start: Duration | undefined;
  #fitted: { context: FitContext; startStep: number } | null = null;
  #quantized: QuantizedForward | null = null;
  /** Steps begun so far. */
  #steps = 0;
  /** Of the step that was asked for last. */
  #learningRate: { step: number; rate: number } | null = null;
  /** What a checkpoint has of the ranges, until the first pass and after the last one. */
  #saved: MethodState = { ranges: "[]" };
  #isDeployed = false;

  /** @throws PeaError of kind usage for a duration that does not parse, a scheme that no kernel computes, and scales that cannot be learned */
  constructor(options: QuantizeSettings) {
    requireScheme(options);
    if (options.ranges === "learned" && options.scales === "powers of two")
      throw usage(
        "quantize has ranges learned and scales powers of two: what is learned moves in small steps, which no power of two can; " +
          "take ranges tracked, or scales symmetric",
      );
    this.#options = options;
    this.#start = options.start === undefined ? undefined : parseDuration(options.start);
  }

  get phases(): Phase[] {
    const { startStep, context } = this.#run;
    return [
      { name: "float", firstStep: 0, endStep: startStep },
      { name: "quantized", firstStep: startStep, endStep: context.totalSteps },
    ].filter(({ firstStep, endStep }) => endStep > firstStep);
  }

  /**
   * Puts the forward pass in the place of the network's.
   *
   * @throws PeaError of kind usage where no step is left for it, or it would begin before the other methods' last phase, and
   *   for a network that cannot be rounded, naming operator and module
   */
  fit(context: FitContext): void {
    const { model, graph } = context;
    if (graph) requireRoundable(graph);
    this.#fitted = { context, startStep: this.#startStep(context) };
    const plain = model.forward.bind(model);
    Object.defineProperty(model, "forward", {
      configurable: true,
      value: (images: Tensor) => {
        // Whoever records looks at the network's own operators: its graph is traced so.
        if (!this.#isActive || isRecording()) return plain(images);
        this.#quantized ??= autocast(null, () => this.#build(model, images));
        return this.#quantized.forward(images, { training: model.training });
      },
    });
  }

  /** Stays what it is, and is that of the learned ranges. */
  learningRate(rate: number, step: number): number {
    this.#learningRate = { step, rate };
    return rate;
  }

  beforePass(step: number): void {
    this.#steps = step + 1;
  }

  afterBackward(): void {
    if (this.#isActive) this.#quantized?.takeGradients();
  }

  async share(ranks: Ranks): Promise<void> {
    if (this.#isActive) await this.#quantized?.ranges.share(ranks);
  }

  /** @throws PeaError where ranges are learned and nobody has told the learning rate of the step */
  afterStep(step: number): void {
    if (!this.#isActive || this.#options.ranges !== "learned") return;
    if (this.#learningRate?.step !== step)
      throw new PeaError(
        `quantize learns ranges by the learning rate of each step: call learningRate(rate, ${step}) before the step, as ` +
          "before that of an optimizer",
      );
    this.#quantized?.ranges.endStep?.(this.#learningRate.rate);
  }

  isCandidate({ firstStep }: StepSpan): boolean {
    return firstStep >= this.#run.startStep;
  }

  trainedIntegers(): TrainedIntegers | undefined {
    const ranges = this.#quantized?.ranges.read() ?? new Map(JSON.parse(String(this.#saved.ranges)));
    if (ranges.size === 0) return undefined;
    const { activations, scales, weights } = this.#options;
    return { scheme: { activations, scales, weights }, ranges };
  }

  deploy(): void {
    this.#isDeployed = true;
    if (this.#quantized === null) return;
    // Checkpoints and exports ask for the ranges later, too.
    this.#saved = this.#quantized.ranges.state();
    this.#quantized.dispose();
    this.#quantized = null;
  }

  state(): MethodState {
    return { ...this.#plan, steps: this.#steps, ...(this.#quantized?.ranges.state() ?? this.#saved) };
  }

  load({ ranges = "[]", velocities = "[]", ...state }: MethodState): void {
    refuseOtherState(this.#plan, state);
    this.#steps = Number(state.steps);
    this.#saved = { ranges, velocities };
    this.#quantized?.ranges.load(this.#saved);
  }

  dispose(): void {
    this.#quantized?.dispose();
  }

  get #plan(): MethodState {
    const { start: _, ranges, batchNorm, ...settings } = this.#options;
    const { startStep, context } = this.#run;
    // Checkpoints of earlier versions, whose ranges all were tracked and norms running, do not say so; `ranges` are the ranges
    // themselves.
    const learned = ranges === "learned" && { learned: true };
    const frozen = batchNorm === "frozen" && { batchNorm };
    return { ...settings, ...learned, ...frozen, startStep, totalSteps: context.totalSteps };
  }

  get #isActive(): boolean {
    return !this.#isDeployed && this.#steps > this.#run.startStep;
  }

  #build(model: Module, images: Tensor): QuantizedForward {
    const { graph } = traceNetwork(model, images.shape.slice(1));
    // Modules draw their first weights, here to be overwritten: a resumed run must not miss these numbers.
    using state = getRngState();
    const quantized = new QuantizedForward(model, graph, this.#options);
    setRngState(state);
    quantized.ranges.load(this.#saved);
    return quantized;
  }

  #startStep({ totalSteps, stepsPerEpoch, phases, deployableFrom = 0 }: FitContext): number {
    const last = phases.length > 1 ? (phases.at(-1)?.firstStep ?? 0) : 0;
    const earliest = Math.max(last, deployableFrom);
    if (earliest >= totalSteps)
      throw usage(
        "quantize finds no step that trains the network which is deployed: the methods before it make it one of ReLU after the last " +
          "step; let them do so earlier (as swap at 90%), or leave quantize out",
      );
    const start = this.#start ?? parseDuration(usualStart);
    const wanted = durationToSteps(start, { totalSteps, stepsPerEpoch });
    const startStep = this.#start === undefined && earliest > 0 ? earliest : wanted;
    if (startStep < earliest)
      throw usage(
        `quantize begins at step ${startStep}, but the network that is deployed trains from step ${earliest} on; begin later, or ` +
          "leave start out",
      );
    if (startStep >= totalSteps)
      throw usage(
        `quantize begins at ${formatDuration(start)}, step ${startStep} of ${totalSteps}: no step is left; begin earlier`,
      );
    return startStep;
  }

  get #run(): { context: FitContext; startStep: number } {
    if (this.#fitted === null) throw new PeaError("QuantizeMethod: call fit before the other hooks");
    return this.#fitted;
  }
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
