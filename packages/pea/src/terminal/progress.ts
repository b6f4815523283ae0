/** What a run shows on the terminal: a bar where there is one, plain lines where the output is piped. */
import type { WriteStream } from "node:tty";
import { MultiBar } from "cli-progress";
import { counted } from "../common/counted.ts";
import type { SkippedSample } from "../data/loading/unreadable-images.ts";
import type { TrainingPlan } from "../run/plan.ts";
import type { EpochMetrics, StepMetrics, TrainingObserver } from "../run/training-observer.ts";
import { describeMainScore, mainScore } from "../tasks/task.ts";
import { formatSeconds, secondsLeft } from "./time-left.ts";

/** Time between two plain lines within an epoch, in milliseconds. */
const QUIET = 10_000;

export interface Progress extends TrainingObserver {
  /** Leaves the terminal as other output wants it. */
  stop(): void;
}

/**
 * @param stream where it goes; its `isTTY` decides on the bar
 * @param firstStep steps done before this process began
 */
export function createProgress(plan: TrainingPlan, stream: WriteStream, firstStep: number): Progress {
  return stream.isTTY ? barProgress(plan, stream, firstStep) : lineProgress(plan, stream, firstStep);
}

function barProgress(plan: TrainingPlan, stream: WriteStream, firstStep: number): Progress {
  const bars = new MultiBar(
    {
      // What is cut off where the terminal is narrow comes last.
      format: "{bar} {percentage}% epoch {epoch}  {left}  {facts}",
      stream,
      hideCursor: true,
      barsize: 20,
      gracefulExit: false,
      fps: 5,
    },
    undefined,
  );
  const payload = { epoch: "", facts: "", left: "" };
  const bar = bars.create(plan.totalSteps, firstStep, payload);
  const left = timeLeft(plan, firstStep);
  const stop = () => {
    process.off("exit", stop);
    bars.update();
    bars.stop();
  };
  // A second Ctrl-C ends the process here and now; the terminal needs its cursor and its line breaks all the same.
  process.once("exit", stop);
  return {
    onStep(step) {
      payload.epoch = `${Math.ceil(step / plan.stepsPerEpoch)}/${plan.epochs}`;
      payload.left = left(step);
      bar.update(step, payload);
    },
    onLog(metrics) {
      payload.facts = describeStep(metrics);
    },
    onEpoch(metrics) {
      bars.log(`${describeEpoch(metrics, plan)}\n`);
    },
    onSkip(sample) {
      bars.log(`${describeSkippedSample(sample)}\n`);
    },
    stop,
  };
}

function lineProgress(plan: TrainingPlan, stream: WriteStream, firstStep: number): Progress {
  const left = timeLeft(plan, firstStep);
  let spokenAt = performance.now();
  const speak = (line: string) => {
    stream.write(`${line}\n`);
    spokenAt = performance.now();
  };
  return {
    onLog(metrics) {
      const endsEpoch = metrics.step % plan.stepsPerEpoch === 0;
      if (endsEpoch || performance.now() - spokenAt < QUIET) return;
      speak(`step ${metrics.step}/${plan.totalSteps}  ${describeStep(metrics)}  ${left(metrics.step)}`);
    },
    onEpoch(metrics) {
      speak(`${describeEpoch(metrics, plan)}  ${left(metrics.step)}`.trimEnd());
    },
    onSkip(sample) {
      speak(describeSkippedSample(sample));
    },
    stop() {},
  };
}

function describeStep({ train, phase, scalars, imagesPerSecond }: StepMetrics): string {
  const facts = [`loss ${train.loss.toFixed(4)}`, describeMainScore(train)];
  for (const [name, value] of Object.entries(scalars)) facts.push(`${name} ${value.toFixed(3)}`);
  return [...facts, phase, `${imagesPerSecond.toFixed(0)} images/s`].join("  ");
}

function describeEpoch(metrics: EpochMetrics, plan: TrainingPlan): string {
  const { current, deployed } = metrics.validation;
  const facts = [`epoch ${metrics.epoch}/${plan.epochs}`, describeStep(metrics)];
  if (current) facts.push(`validation ${mainScore(current).toFixed(2)} %`);
  if (deployed) facts.push(`deployed ${mainScore(deployed).toFixed(2)} %`);
  if (metrics.best?.step === metrics.step) facts.push("best so far");
  const { train, validation } = metrics.skipped;
  for (const [part, count] of Object.entries({ training: train, validation }))
    if (count > 0) facts.push(`${counted(count, `${part} image`)} skipped`);
  return facts.join("  ");
}

/** What is said of an image that cannot be read. */
export function describeSkippedSample({ name, reason }: SkippedSample): string {
  return `skipped ${name}: ${reason}`;
}

/** Time left at the speed since this process began. */
function timeLeft({ totalSteps }: TrainingPlan, firstStep: number): (step: number) => string {
  const left = secondsLeft(totalSteps, firstStep);
  return (step) => (step >= totalSteps ? "" : `${formatSeconds(left(step))} left`);
}
