/**
 * What the trainer knows of what a network is trained for: a loss, and what is counted of its answers. The data set names
 * its task, which `createTask` of `registry.ts` makes; the trainer names none.
 *
 * @module
 */
import type { Module, Tensor } from "@pea/torch";
import type { BatchLoader } from "../data/loading/loader.ts";
import type { DataPart } from "../data/parts/part.ts";
import type { Reading } from "../images/decode.ts";
import type { Answers } from "./breakdown.ts";

/** A score that models are chosen and compared by, such as `top1` and `miou`: in percent, the higher the better. */
export type MetricName = string;

/**
 * Scores of a network on a set of images, in percent but for the loss; which of them there are follows from the task. The
 * first beside the loss is that of the task's metric.
 */
export interface Scores {
  /** Cross-entropy in nats: mean over the images, in segmentation over the pixels that count. */
  loss: number;
  /** Images whose class has the largest logit. */
  top1?: number;
  /** Images whose class is among the five largest logits; only with more than five classes. */
  top5?: number;
  /** Mean over classes of intersection over union. */
  miou?: number;
  /** Pixels whose class has the largest logit, of those that count. */
  pixelAccuracy?: number;
  /** Intersection over union by class; null for a class that is neither in the labels nor in the answers. */
  classIou?: Readonly<Record<string, number | null>>;
  /** Of other tasks. */
  [score: string]: number | Readonly<Record<string, number | null>> | undefined;
}

/** The task's metric. */
export function metricOf(scores: Scores): MetricName {
  return Object.keys(scores).find((name) => name !== "loss") ?? "loss";
}

/** The score of the task's metric. */
export function mainScore(scores: Scores): number {
  return scores[metricOf(scores)] as number;
}

const labels = new Map([
  ["top1", "top-1"],
  ["top5", "top-5"],
  ["miou", "mIoU"],
  ["pixelAccuracy", "pixel accuracy"],
]);

/** What a score is called where people read it. */
export function scoreLabel(name: string): string {
  return labels.get(name) ?? name;
}

const inWords = (name: string, score: number) => `${scoreLabel(name)} ${score.toFixed(2)} %`;

/** The score of the task's metric in words: `top-1 91.20 %`. */
export function describeMainScore(scores: Scores): string {
  return inWords(metricOf(scores), mainScore(scores));
}

/** Scores in words, without the loss: `top-1 91.20 %  top-5 99.70 %`. */
export function describeScores({ loss: _, ...scores }: Scores): string {
  return Object.entries(scores)
    .flatMap(([name, score]) => (typeof score === "number" ? inWords(name, score) : []))
    .join("  ");
}

/** Sums over images, exact in JSON. A task adds its own. */
export interface Sums {
  images: number;
  /** Not finite once a loss was not. */
  loss: number;
}

/** Sums that stay on the device: adding a batch need not wait for the computation. */
export interface ScoreSums<S extends Sums = Sums> {
  /**
   * Adds a batch.
   *
   * @param loss of the batch, a scalar as the task's `loss` gives it
   * @param logits [N, classes], in segmentation [N, classes, H, W]
   * @param labels int64 [N], in segmentation [N, H, W]
   */
  add(loss: Tensor, logits: Tensor, labels: Tensor): void;
  /** The sums so far; waits for the device. */
  read(): S;
  dispose(): void;
}

export interface SumsOptions<S extends Sums = Sums> {
  device: string;
  /** What takes time and is of interest in an evaluation alone is left out in training. */
  purpose: "training" | "evaluation";
  /** Sums to go on from. */
  start?: S;
}

/** Scores by what documents call them; `scores` are those that training knows. */
export type NamedScores<S> = Readonly<Record<string, S>>;

/** Of each view of a network. */
export type ViewScores = Readonly<Record<string, Scores>>;

/** What is told of scores: lines, and tables whose first column names the rows. */
export type Told =
  | string
  | { readonly columns: readonly string[]; readonly rows: readonly (readonly string[])[] };

/** How a network is scored by `pea eval`. */
export interface ScoreOptions {
  task: Task;
  device: string;
  /** How images are read. */
  reading: Reading;
  /** Gathers what is said of each image, to be broken down. */
  answers?: Answers;
  /** Where answers are written that are maps. */
  output?: string;
  /** Called with the images done so far, where it takes long. */
  onProgress?: (images: number) => void;
}

/** What `pea eval` asks of a task: scores of a part, and how they are told. */
export interface TaskEvaluation {
  /** Whether an answer is a map, which can be written as an image. */
  readonly givesMaps: boolean;
  /**
   * Scores a network.
   *
   * @param loader of all images of `part`, in order
   * @returns null in place of scores where no image has labels
   */
  score(
    model: Module,
    loader: BatchLoader,
    part: DataPart,
    options: ScoreOptions,
  ): Promise<NamedScores<Scores | null>>;
  /** @param scores by their names, then by view */
  describe(scores: NamedScores<ViewScores>, inputShape: readonly number[]): readonly Told[];
  /** Whether that tells of each class already. */
  readonly tellsClasses: boolean;
}

/** What a network is trained for. */
export interface Task<S extends Sums = Sums> {
  readonly name: string;
  readonly metric: MetricName;
  /** A network that is trained for it, for messages. */
  readonly exampleNetwork: string;
  /** What a network must answer for one image of a shape. */
  outputShape(inputShape: readonly number[]): readonly number[];
  /** Loss of a batch as a scalar: the mean over what counts in it. Shapes as in `ScoreSums`. */
  loss(logits: Tensor, labels: Tensor, options?: { labelSmoothing?: number }): Tensor;
  /** How many labels of a batch count in that mean; may wait for the device. */
  countLabels(labels: Tensor): number;
  startSums(options: SumsOptions<S>): ScoreSums<S>;
  /** To gather answers beside the sums, where the scores can be broken down. */
  startAnswers?(): Answers;
  /** Left out: `pea eval` scores as training does. */
  readonly evaluation?: TaskEvaluation;
  /** Scores of what was added between two readings; `from` left out: since the start. NaN where nothing counted. */
  scores(to: S, from?: S): Scores;
}

/** A task whose scores can be broken down. */
export interface BrokenDownTask<S extends Sums = Sums> extends Task<S> {
  startAnswers(): Answers;
}
