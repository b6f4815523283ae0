/**
 * Quantization-aware training.
 *
 * @module
 */
import { type Duration, durationToSteps, formatDuration, PeaError, parseDuration } from "@pea/core";
import { type ActivationType, type Range, requireScheme, type Scheme } from "@pea/graph";
import { autocast, getRngState, isRecording, type Module, setRngState, type Tensor } from "@pea/torch";
import { traceNetwork } from "../../trace/trace.ts";
import type { FitContext, Method, MethodState, Phase, StepSpan } from "../method.ts";
import { refuseOtherState } from "../method-state.ts";
import { QuantizedForward } from "./quantized-forward.ts";

/** Settings of quantization-aware training. */
export interface QuantizeOptions {
  /** When rounding begins; by default with the last phase of the other methods, where they have several, else at 75%. */
  start?: string | number | undefined;
  weights: Scheme["weights"];
  activations: ActivationType;
  scales: Scheme["scales"];
  /** Share of each step's range in the range that is tracked, from 0 to 1. */
  momentum: number;
}

const usualStart = "75%";

/** Trains, from a step on, with weights and values rounded to those that integers will stand for (`QuantizedForward`). */
export class QuantizeMethod implements Method {
  readonly #options: QuantizeOptions;
  readonly #start: Duration | undefined;
  #fitted: { context: FitContext; startStep: number } | null = null;
  #quantized: QuantizedForward | null = null;
  /** Steps begun so far. */
  #steps = 0;
  /** Those of a checkpoint, until the first pass. */
  #saved: ReadonlyMap<string, Range> = new Map();
  #isDeployed = false;

  /** @throws PeaError of kind usage for a duration that does not parse, and a scheme that no kernel computes */
  constructor(options: QuantizeOptions) {
    requireScheme(options);
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
   * @throws PeaError of kind usage where no step is left for it, or it would begin before the other methods' last phase
   */
  fit(context: FitContext): void {
    const { model } = context;
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

  beforePass(step: number): void {
    this.#steps = step + 1;
  }

  gradients(): void {
    if (this.#isActive) this.#quantized?.takeGradients();
  }

  isCandidate({ firstStep }: StepSpan): boolean {
    return firstStep >= this.#run.startStep;
  }

  /** The ranges that it trained with. */
  ranges(): ReadonlyMap<string, Range> {
    return this.#quantized?.ranges.read() ?? this.#saved;
  }

  deploy(): void {
    this.#isDeployed = true;
    this.#quantized?.dispose();
  }

  state(): MethodState {
    return { ...this.#plan, steps: this.#steps, ranges: JSON.stringify([...this.ranges()]) };
  }

  load({ ranges, ...state }: MethodState): void {
    refuseOtherState(this.#plan, state);
    this.#steps = Number(state.steps);
    this.#saved = new Map(JSON.parse(String(ranges)) as [string, Range][]);
    this.#quantized?.ranges.load(this.#saved);
  }

  dispose(): void {
    this.#quantized?.dispose();
  }

  get #plan(): MethodState {
    const { start: _, ...settings } = this.#options;
    const { startStep, context } = this.#run;
    return { ...settings, startStep, totalSteps: context.totalSteps };
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

  #startStep({ totalSteps, stepsPerEpoch, phases }: FitContext): number {
    const last = phases.length > 1 ? (phases.at(-1)?.firstStep ?? 0) : 0;
    const start = this.#start ?? parseDuration(usualStart);
    const wanted = durationToSteps(start, { totalSteps, stepsPerEpoch });
    const startStep = this.#start === undefined && last > 0 ? last : wanted;
    if (startStep < last)
      throw usage(
        `quantize begins at step ${startStep}, but the phase "${phases.at(-1)?.name}" at step ${last}: before it the network is ` +
          "not the one that is deployed; begin later, or leave start out",
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
