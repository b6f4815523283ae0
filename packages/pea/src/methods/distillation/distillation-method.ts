/**
 * Training on a teacher's answers beside the labels.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import {
  add,
  cast,
  div,
  indexSelect,
  logSoftmax,
  mean,
  mul,
  softmax,
  sub,
  sum,
  type Tensor,
  tensor,
} from "@pea/torch";
import type { Ranks } from "../../distributed/ranks.ts";
import type {
  FitContext,
  LossPass,
  Method,
  MethodState,
  OtherNetwork,
  TrainingBatch,
  TrainingStart,
} from "../method.ts";
import { refuseOtherState } from "../method-state.ts";
import { AnswerCache } from "./answer-cache.ts";

const name = "distillation";

/** Settings of distillation. */
export interface DistillationOptions {
  /** The folder of a run, or an ONNX file. */
  teacher: string;
  /** T, above 0. */
  temperature: number;
  /** Share of the teacher in the loss, above 0 and up to 1. */
  weight: number;
}

/** Of an image that comes again. */
interface RememberedAnswer {
  index: number;
  variant: number;
  logits: Float32Array;
}

/**
 * T² · KL(softmax(teacher / T) ‖ softmax(student / T)), the mean over images: T² keeps gradients as large whatever T is.
 *
 * @param student [N, classes]
 * @param teacher [N, classes]
 */
export function distillationLoss(student: Tensor, teacher: Tensor, temperature: number): Tensor {
  const inFull = (one: Tensor) => (one.dtype === "float64" ? one : cast(one, { dtype: "float32" }));
  const logits = [student, teacher].map((one) => div(inFull(one), temperature));
  const [ofStudent, ofTeacher] = logits.map((one) => logSoftmax(one, 1)) as [Tensor, Tensor];
  const divergence = sum(mul(softmax(logits[1] as Tensor, 1), sub(ofTeacher, ofStudent)), { dim: 1 });
  return mul(mean(divergence), temperature ** 2);
}

/**
 * Trains on (1 − w) times the loss so far plus w times `distillationLoss` (Hinton, Vinyals and Dean, "Distilling the Knowledge
 * in a Neural Network", 2015). The teacher sees the very images that the step trains on.
 */
export class DistillationMethod implements Method {
  readonly #options: DistillationOptions;
  readonly #cache = new AnswerCache();
  /** Answers of this step that are to be remembered. */
  #fresh: RememberedAnswer[] = [];
  #teacher: OtherNetwork | null = null;
  /** From the student's standardization to the teacher's: x · scale + offset, [C, 1, 1]; null where they are the same. */
  #toTeacher: { scale: number[]; offset: number[] } | null = null;

  constructor(options: DistillationOptions) {
    this.#options = options;
  }

  /** @throws PeaError of kind usage where answers are maps. */
  fit({ task }: FitContext): void {
    if (task === "segmentation")
      throw usage(`${name} does not go with segmentation: a teacher answers once for an image; leave it out`);
  }

  /** @throws PeaError of kind usage where there is no teacher, or one of other classes or images. */
  async begin({ openNetwork, statistics, classes, inputShape }: TrainingStart): Promise<void> {
    const { teacher: path } = this.#options;
    const teacher = await openNetwork(path);
    this.#teacher = teacher;
    if (`${teacher.input.shape}` !== `${inputShape}`)
      throw usage(
        `the teacher ${path} takes images of ${teacher.input.shape.join("×")}, but this run trains on ${inputShape.join("×")}; ` +
          "take a teacher of this size, or set imageSize",
      );
    if (`${teacher.classes}` !== `${classes}`)
      throw usage(
        `the teacher ${path} answers ${teacher.classes.length} classes (${shown(teacher.classes)}), but these data have ` +
          `${classes.length} (${shown(classes)}), or in another order; take a teacher of the same classes`,
      );
    const { mean, std } = teacher.input;
    const scale = statistics.std.map((own, i) => own / (std[i] as number));
    const offset = statistics.mean.map((own, i) => (own - (mean[i] as number)) / (std[i] as number));
    const isSame = scale.every((one) => one === 1) && offset.every((one) => one === 0);
    this.#toTeacher = isSame ? null : { scale, offset };
  }

  /** The teacher's logits, which are remembered of images that come again. */
  async ask({ images, indices, variants }: TrainingBatch): Promise<Record<string, Tensor>> {
    const variantOf = (place: number) => variants?.[place] ?? -1;
    const rows = Array.from(indices, (index, place) => this.#known(index, variantOf(place)));
    const missing = [...rows.keys()].filter((place) => rows[place] === undefined);
    const answers = missing.length === 0 ? [] : await this.#answer(images, missing);
    for (const [i, place] of missing.entries()) {
      const logits = answers[i] as Float32Array;
      rows[place] = logits;
      if (variants !== undefined)
        this.#fresh.push({ index: indices[place] as number, variant: variantOf(place), logits });
    }
    const [classes = 0] = rows.map((row) => row?.length ?? 0);
    const logits = new Float32Array(rows.length * classes);
    for (const [place, row] of rows.entries()) logits.set(row as Float32Array, place * classes);
    return { [name]: tensor(logits, { shape: [rows.length, classes], device: images.device }) };
  }

  loss(loss: Tensor, { logits, along }: LossPass): Tensor {
    const { temperature, weight } = this.#options;
    const ofTeacher = distillationLoss(logits, along[name] as Tensor, temperature);
    return add(mul(loss, 1 - weight), ofTeacher, { alpha: weight });
  }

  /** An image comes to whichever rank has its place in the next epoch's order. */
  async share(ranks: Ranks): Promise<void> {
    this.#fresh = (await ranks.gather(this.#fresh)).flat();
  }

  afterStep(): void {
    for (const { index, variant, logits } of this.#fresh) this.#cache.set(index, variant, logits);
    this.#fresh = [];
  }

  state(): MethodState {
    return { ...this.#options, digest: this.#teacher?.digest ?? "" };
  }

  tensors(): ReadonlyMap<string, Tensor> {
    return this.#cache.tensors();
  }

  /** @throws PeaError of kind usage for a state of other settings, or of another teacher in the same place. */
  load(state: MethodState, tensors: ReadonlyMap<string, Tensor>): void {
    const { digest, ...settings } = state;
    refuseOtherState({ ...this.#options }, settings);
    const own = this.#teacher?.digest;
    if (digest && own && digest !== own)
      throw usage(
        `the teacher ${this.#options.teacher} is another one than this run began with; put that back, or begin a new run`,
      );
    this.#cache.load(tensors);
  }

  dispose(): void {
    void this.#teacher?.close();
  }

  #known(index: number, variant: number): Float32Array | undefined {
    return variant < 0 ? undefined : this.#cache.get(index, variant);
  }

  /** Of some images of a batch, a row each. */
  async #answer(images: Tensor, places: readonly number[]): Promise<Float32Array[]> {
    if (this.#teacher === null) throw new PeaError("DistillationMethod: call begin before ask");
    const { shape, values } = await this.#teacher.run(this.#imagesOf(images, places), places.length);
    const [, classes = 0] = shape;
    return places.map((_, i) => values.slice(i * classes, (i + 1) * classes));
  }

  #imagesOf(images: Tensor, places: readonly number[]): Float32Array {
    const [count = 0] = images.shape;
    using rows = tensor(Int32Array.from(places), { device: images.device });
    using some = places.length === count ? add(images, 0) : indexSelect(images, 0, rows);
    if (this.#toTeacher === null) return some.toTypedArray() as Float32Array;
    const perChannel = (values: number[]) =>
      tensor(Float32Array.from(values), { shape: [values.length, 1, 1], device: images.device });
    using scale = perChannel(this.#toTeacher.scale);
    using offset = perChannel(this.#toTeacher.offset);
    using scaled = mul(some, scale);
    using standardized = add(scaled, offset);
    return standardized.toTypedArray() as Float32Array;
  }
}

const shown = (classes: readonly string[]): string =>
  classes.length > 3 ? `${classes.slice(0, 3).join(", ")}, …` : classes.join(", ");
const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
