/** Writes what happens in a run to its directory: metrics.jsonl, summary.csv and TensorBoard's event files. */
import { EventWriter } from "../run/events.ts";
import { MetricsLog } from "../run/metrics.ts";
import type { RunDirectory } from "../run/run-directory.ts";
import type { EpochMetrics, StepMetrics, TrainingObserver } from "../run/training-observer.ts";
import type { Scores } from "../tasks/task.ts";

export class Recorder implements TrainingObserver {
  private readonly metrics: MetricsLog;
  private readonly events: EventWriter;

  /** @param resumedAt weight updates done, 0 for a run that begins or begins anew; what is there of later ones is dropped */
  constructor(run: RunDirectory, resumedAt: number) {
    this.metrics = new MetricsLog(run, resumedAt);
    this.events = new EventWriter(run.path, { resumedAt });
  }

  onLog(metrics: StepMetrics): void {
    const { step, phase, epoch, ...curves } = stepFields(metrics);
    this.metrics.append({ kind: "interval", ...stepFields(metrics) });
    this.events.scalars(step, curves);
  }

  onEpoch(metrics: EpochMetrics): void {
    const { step, train, validation, candidate, test, best, skipped, seconds } = metrics;
    const { current, ...others } = validation;
    // The last view is the network as it will be deployed, whatever it is called.
    const deployed = Object.values(others).at(-1);
    const scores = {
      ...(current && prefixed("val", current)),
      ...Object.assign({}, ...Object.entries(others).map(([view, one]) => prefixed(view, one))),
      ...(deployed && prefixed("deployed", deployed)),
      ...(test && prefixed("test", test)),
    };
    this.metrics.append({
      kind: "epoch",
      ...stepFields(metrics),
      ...scores,
      candidate: Number(candidate),
      bestEpoch: best?.epoch ?? null,
      ...(skipped.train > 0 && { skipped: skipped.train }),
      ...(skipped.validation > 0 && { "val/skipped": skipped.validation }),
      ...(skipped.test > 0 && { "test/skipped": skipped.test }),
      seconds,
    });
    this.events.scalars(step, { ...prefixed("epoch", train), ...scores });
  }

  /** A checkpoint vouches for the rows up to its step. */
  onCheckpoint(): void {
    this.metrics.flush();
    this.events.flush();
  }

  close(): void {
    this.metrics.close();
    this.events.close();
  }
}

function stepFields({ step, epoch, learningRate, phase, scalars, train, imagesPerSecond }: StepMetrics) {
  return { step, epoch, phase, lr: learningRate, ...scalars, ...prefixed("train", train), imagesPerSecond };
}

/** The scores that are one number. */
const prefixed = (prefix: string, scores: Scores): Record<string, number> =>
  Object.fromEntries(
    Object.entries(scores).flatMap(([name, value]) =>
      typeof value === "number" ? [[`${prefix}/${name}`, value]] : [],
    ),
  );
