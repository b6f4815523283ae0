/**
 * One weight update: forward and backward of a batch, whole or in parts, the gradients of all ranks brought together, and
 * the optimizer.
 */
import {
  autocast,
  backward,
  clipGradNorm,
  type Module,
  mul,
  narrow,
  type Optimizer,
  permute,
  scope,
  type Tensor,
} from "@pea/torch";
import type { Batch } from "../data/loading/loader.ts";
import type { GradientSums, Ranks } from "../distributed/ranks.ts";
import { firstPartOf } from "../distributed/share.ts";
import type { TrainingBatch } from "../methods/method.ts";
import type { Methods } from "../methods/methods.ts";
import { batchNormsOf, statisticsOf } from "../run/batch-norm-statistics.ts";
import type { ScoreSums, Task } from "../tasks/task.ts";
import { LayerDraws } from "./layer-draws.ts";

export interface TrainingStepOptions {
  /** Fitted by the methods. */
  model: Module;
  /** After `fit`. */
  methods: Methods;
  optimizer: Optimizer;
  task: Task;
  settings: {
    seed: number;
    /** Images of a step, of all ranks together. */
    batchSize: number;
    device: string;
    amp: "none" | "bf16";
    labelSmoothing: number;
    /** Images per forward pass; 0: the whole batch. */
    microBatch: number;
    /** Whether batch norm normalizes by the whole batch where several ranks train. */
    syncBatchNorm: boolean;
    /** Largest norm of all gradients together; 0: any. */
    clipGradNorm: number;
  };
  ranks: Ranks;
}

/** A step among those of a run. */
export interface StepPlace {
  /** Weight updates done before. */
  step: number;
  learningRate: number;
  /** Labels of the whole batch that count, of all ranks; null: there is one rank. */
  counted: number | null;
  /** Gathers the losses and answers. */
  sums: ScoreSums;
}

/** Makes the steps of a run. */
export class TrainingStep {
  private readonly options: TrainingStepOptions;
  /** Where several ranks train. */
  private readonly draws: LayerDraws | null = null;
  private readonly gradients: GradientSums | null = null;

  constructor(options: TrainingStepOptions) {
    this.options = options;
    const { model, settings, ranks } = options;
    if (ranks.size === 1) return;
    this.draws = new LayerDraws(model, settings, ranks);
    this.gradients = ranks.reducer(model.parameters().filter(({ requiresGrad }) => requiresGrad));
    if (settings.syncBatchNorm) this.normalizeOver(ranks);
  }

  /** Frees what was made for the steps; network and optimizer stay. */
  dispose(): void {
    this.draws?.dispose();
    this.gradients?.dispose();
    this.normalizeOver(null);
  }

  /** Updates the weights once by a batch, of which this rank has its share. */
  async make(batch: Batch, place: StepPlace): Promise<void> {
    const { model, methods, optimizer, settings, ranks } = this.options;
    for (const group of optimizer.groups) group.lr = place.learningRate;
    optimizer.zeroGrad();
    try {
      if (ranks.size > 1 && methods.mixes) await this.passMixed(batch, place);
      else await this.passMade(batch, place);
    } catch (error) {
      throw await ranks.explain(error as Error);
    }
    methods.afterBackward();
    if (this.gradients) await this.bringTogether(this.gradients);
    methods.gradients(place.step);
    if (settings.clipGradNorm > 0) clipGradNorm(model.parameters(), settings.clipGradNorm);
    optimizer.step();
    methods.afterStep(place.step);
  }

  private normalizeOver(ranks: Ranks | null): void {
    const sumOverRanks = ranks && ((x: Tensor) => ranks.sumInPass(x));
    for (const norm of batchNormsOf(this.options.model)) Object.assign(norm, { sumOverRanks });
  }

  /**
   * Sums the gradients of the ranks, and averages the statistics that batch norm has gathered where they are of each one's images:
   * the networks of all ranks are the same after every step.
   */
  private async bringTogether(gradients: GradientSums): Promise<void> {
    const { model, methods, settings, ranks } = this.options;
    const statistics = settings.syncBatchNorm ? [] : statisticsOf(model);
    await Promise.all([gradients.finish(), ranks.mean(statistics)]);
    await methods.share(ranks);
  }

  /** Images may be mixed with those of other ranks: each makes the whole batch, and passes its share. */
  private async passMixed(own: Batch, place: StepPlace): Promise<void> {
    const { whole, start } = await wholeBatch(own, this.options.ranks);
    try {
      await this.passMade(whole, place, { start, size: own.indices.length });
    } finally {
      whole.images.dispose();
      whole.labels.dispose();
    }
  }

  /** @param share of the batch that is passed; left out: all */
  private async passMade(
    loaded: Batch,
    place: StepPlace,
    share?: { start: number; size: number },
  ): Promise<void> {
    const { methods } = this.options;
    const make = () => {
      const made = methods.batch(loaded, place.step);
      return share ? cut(made, share.start, share.size) : made;
    };
    if (methods.asks) await this.passWithAnswers(loaded, make, place);
    else scope(() => this.passInParts(make(), place));
  }

  /** Scopes end before what takes time: tensors are freed by hand. */
  private async passWithAnswers(loaded: Batch, make: () => TrainingBatch, place: StepPlace): Promise<void> {
    const { methods } = this.options;
    const made = scope(make);
    const along = { ...made.along };
    try {
      Object.assign(along, await methods.ask(made, place.step));
      scope(() => this.passInParts({ ...made, along }, place));
    } finally {
      for (const tensor of [made.images, made.labels, ...Object.values(along)])
        if (tensor !== loaded.images && tensor !== loaded.labels) tensor.dispose();
    }
  }

  private passInParts(batch: TrainingBatch, place: StepPlace): void {
    const { task, settings, ranks } = this.options;
    const [batchSize = 0] = batch.images.shape;
    const size = Math.min(settings.microBatch || batchSize, batchSize);
    if (size === batchSize && place.counted === null) {
      this.pass(batch, place);
      return;
    }
    const counted = place.counted ?? task.countLabels(batch.labels);
    const passes = () => {
      for (let start = 0, part = firstPartOf(settings, ranks); start < batchSize; start += size, part++) {
        const isLast = start + size >= batchSize;
        scope(() =>
          this.pass(cut(batch, start, Math.min(size, batchSize - start)), place, { part, counted, isLast }),
        );
      }
    };
    if (this.draws === null) passes();
    else this.draws.during(place.step, batch.images.shape.slice(1), passes);
  }

  /**
   * Forward and backward of a batch, or of a part of it; the gradients are added to those that are there.
   *
   * @param of.part index of the part
   * @param of.counted labels of the whole batch that count: the mean losses of the parts, weighted by theirs, add up to
   * that of the batch
   * @param of.isLast whether no other part of this rank's follows: gradients are summed over ranks as they are made
   */
  private pass(
    batch: TrainingBatch,
    { step, sums }: StepPlace,
    of?: { part: number; counted: number; isLast: boolean },
  ): void {
    const { model, methods, task, settings } = this.options;
    const { images, labels } = batch;
    const { labelSmoothing } = settings;
    const at = { step, part: of?.part ?? 0 };
    methods.beforePass(at.step, at.part);
    const forward = () => model.forward(images);
    scope(() => {
      // A scope of its own: what the forward pass made and backward does not need is free before backward begins.
      const { logits, loss } = scope(() => {
        const logits = settings.amp === "bf16" ? autocast("bfloat16", forward) : forward();
        const lossAgainst = (labels: Tensor) => task.loss(logits, labels, { labelSmoothing });
        const loss = methods.loss(lossAgainst(labels), { ...batch, ...at, logits, lossAgainst });
        return { logits, loss };
      });
      if (of?.isLast && !methods.movesGradients) this.gradients?.start();
      backward(of ? mul(loss, task.countLabels(labels) / Math.max(of.counted, 1)) : loss);
      sums.add(loss, logits, labels);
    });
  }
}

/** The shares of all ranks, and where that of this one begins. */
async function wholeBatch(
  { images, labels, indices, variants }: Batch,
  ranks: Ranks,
): Promise<{ whole: Batch; start: number }> {
  const shares = await ranks.gather({ indices, variants });
  // Channels last, as they lie.
  using rows = permute(images, [0, 2, 3, 1]);
  using joined = await ranks.join(rows);
  const all = (of: readonly Int32Array[]) => Int32Array.from(of.flatMap((some) => [...some]));
  const known = shares.flatMap(({ variants }) => variants ?? []);
  return {
    whole: {
      images: permute(joined, [0, 3, 1, 2]),
      labels: await ranks.join(labels),
      indices: all(shares.map(({ indices }) => indices)),
      ...(known.length === shares.length && { variants: all(known) }),
    },
    start: shares.slice(0, ranks.rank).reduce((sum, { indices }) => sum + indices.length, 0),
  };
}

/** A part of a batch. */
function cut(
  { images, labels, indices, variants, along }: TrainingBatch,
  start: number,
  size: number,
): TrainingBatch {
  const part = (whole: Tensor) => narrow(whole, 0, start, size);
  return {
    images: part(images),
    labels: part(labels),
    indices: indices.subarray(start, start + size),
    ...(variants && { variants: variants.subarray(start, start + size) }),
    along: Object.fromEntries(Object.entries(along).map(([name, whole]) => [name, part(whole)])),
  };
}
