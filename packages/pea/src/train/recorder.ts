/** Writes what happens in a run to its directory: metrics.jsonl, summary.csv and TensorBoard's event files. */
import { EventWriter } from "./events.ts";
import { MetricsLog, type MetricsRow } from "./metrics.ts";
import type { RunDirectory } from "./run-directory.ts";
import type { EpochMetrics, StepMetrics, TrainingObserver } from "./trainer.ts";

/** Facts of a row that are no curves. */
const notScalars = new Set(["kind", "step", "epoch", "phase"]);

export class Recorder implements TrainingObserver {
  private readonly metrics: MetricsLog;
  private readonly events: EventWriter;

  /** @param resumedAt weight updates done when the run goes on, 0 for a new one; later rows are dropped */
  constructor(run: RunDirectory, resumedAt: number) {
    this.metrics = new MetricsLog(run, resumedAt);
    this.events = new EventWriter(run.path, resumedAt > 0 ? { resumedAt: resumedAt + 1 } : {});
  }

  onLog(metrics: StepMetrics): void {
    this.write({ kind: "interval", ...stepFields(metrics) });
  }

  onEpoch(metrics: EpochMetrics): void {
    const { validation, candidate, best, seconds } = metrics;
    const { current, deployed } = validation;
    this.write({
      kind: "epoch",
      ...stepFields(metrics),
      ...(current && prefixed("val", { ...current })),
      ...(deployed && prefixed("deployed", { ...deployed })),
      candidate: Number(candidate),
      bestEpoch: best?.epoch ?? null,
      seconds,
    });
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

  private write(row: MetricsRow): void {
    this.metrics.append(row);
    // An interval that ends with its epoch has the epoch's row to follow, at the same step.
    const scalars = Object.entries(row).flatMap(([name, value]) =>
      notScalars.has(name) || typeof value !== "number" ? [] : [[name, value] as const],
    );
    this.events.scalars(
      row.step,
      Object.fromEntries(
        scalars.map(([name, value]) => [row.kind === "epoch" ? epochTag(name) : name, value]),
      ),
    );
  }
}

/** Means over an epoch are curves of their own beside those over intervals. */
const epochTag = (name: string): string => (name.startsWith("train/") ? `epoch/${name}` : name);

function stepFields({ step, epoch, learningRate, phase, scalars, train, imagesPerSecond }: StepMetrics) {
  return { step, epoch, phase, lr: learningRate, ...scalars, ...prefixed("train", train), imagesPerSecond };
}

const prefixed = (prefix: string, values: object): Record<string, number> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [`${prefix}/${name}`, value]));
