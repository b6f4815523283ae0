/**
 * `diagnose`: watches a run and writes `diagnostics.jsonl`.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import { clone, keep, type Module } from "@pea/torch";
import { JsonLinesLog } from "../common/json-lines.ts";
import type { BatchLoader, LabelledImages } from "../data/loading/loader.ts";
import type { Methods } from "../methods/methods.ts";
import type { StepMetrics, TrainingObserver } from "../run/training-observer.ts";
import type { Task } from "../tasks/task.ts";
import { probe } from "./probe.ts";
import { type DiagnosticsRow, readDiagnostics } from "./row.ts";
import { gradientNorms, short } from "./statistics.ts";

export interface DiagnosisOptions {
  model: Module;
  /** After `fit`. */
  methods: Methods;
  task: Task;
  /** Of the validation part, whose first batch is diagnosed with. */
  validation: BatchLoader;
  /** The file, in a folder that exists. */
  path: string;
  /** Weight updates done; rows of later ones that are there already are dropped. */
  resumedAt: number;
}

/** Adds a row for each line of training metrics. It changes nothing of the training, to the last bit. */
export class Diagnosis implements TrainingObserver {
  readonly #options: DiagnosisOptions;
  readonly #batch: LabelledImages;
  readonly #log: JsonLinesLog<DiagnosticsRow>;

  static async open(options: DiagnosisOptions): Promise<Diagnosis> {
    for await (const { images, labels } of options.validation.batches())
      return new Diagnosis(options, { images: keep(clone(images)), labels: keep(clone(labels)) });
    throw new PeaError("diagnose: the validation part has no image");
  }

  private constructor(options: DiagnosisOptions, batch: LabelledImages) {
    this.#options = options;
    this.#batch = batch;
    this.#log = new JsonLinesLog(options.path, readDiagnostics, options.resumedAt);
  }

  onLog({ step, epoch, phase, learningRate, scalars }: StepMetrics): void {
    const { model, methods, task } = this.#options;
    const gradients = gradientNorms(model);
    const views = {} as DiagnosticsRow["views"];
    for (const view of methods.views) {
      methods.show(view);
      views[view] = probe(model, this.#batch, task);
    }
    methods.show("current");
    const { alpha } = scalars;
    this.#log.append({
      step,
      epoch,
      phase,
      lr: short(learningRate),
      ...(alpha !== undefined && { alpha: short(alpha) }),
      gradients,
      views,
    });
  }

  onCheckpoint(): void {
    this.#log.flush();
  }

  close(): void {
    this.#log.close();
    this.#batch.images.dispose();
    this.#batch.labels.dispose();
  }
}
