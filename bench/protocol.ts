/**
 * What the harness and its workers say to each other: one JSON object per line, requests on the worker's stdin,
 * answers on its stdout, in order. Spoken by worker/main.ts and peer/worker.py.
 *
 * @module
 */

/** float32 throughout, or convolutions and what follows them in bfloat16 (autocast). */
export type Precision = "fp32" | "bf16";

/** `relu`, or an ensemble with its smooth activation at α = 0.5. */
export type ActivationVariant = "relu" | `${"weighted" | "stochastic"}-${"gelu" | "swish" | "mish"}`;

/** Training methods whose steps are measured, at their usual settings. */
export const benchMethods = [
  "mixup",
  "cutmix",
  "random-erasing",
  "ema",
  "swa",
  "lookahead",
  "stochastic-depth",
  "sugar",
  "lambda-gelu",
  "swap",
  "distillation",
  "quantize",
  "reparameterize",
  "expand",
  "act-learn",
] as const;
/** With those whose images are changed as they are loaded. */
export type BenchMethod = (typeof benchMethods)[number] | "randaugment";

/** A training step (forward, loss, backward, SGD with momentum) or a forward pass in evaluation mode. */
export interface NetworkWorkload {
  kind: "step" | "inference";
  network: string;
  /** Channels, height, width. */
  image: readonly [number, number, number];
  classes: number;
  batch: number;
  activation: ActivationVariant;
  precision: Precision;
  /** Made of the graph of the network, as one of a file is. */
  imported?: true;
  /** With a training method. */
  method?: BenchMethod;
  /** Shared by so many processes, which share the threads, too; `batch` is of all. Parts: `waiting` for one another. */
  ranks?: number;
  /** Processes of one machine that sum over sockets all the same, as those of several do. */
  sockets?: true;
}

/** Whether a network gives a class for each pixel. */
export function isSegmentation(network: string): boolean {
  return network.endsWith("-segmentation") || network.startsWith("unet");
}

/** One activation by itself, forward and backward. */
export interface ActivationWorkload {
  kind: "activation";
  shape: readonly number[];
  activation: ActivationVariant;
  precision: Precision;
}

/** Batch normalization over float32 and an activation after it, as in training, forward and backward. */
export interface BatchNormWorkload {
  kind: "batch-norm";
  shape: readonly number[];
  activation: ActivationVariant;
}

/** A convolution by itself over float32 in channels_last, padded to keep the size at stride 1; forward and backward. */
export interface ConvolutionWorkload {
  kind: "convolution";
  /** Of the images: [N, C, H, W]. */
  shape: readonly [number, number, number, number];
  outputs: number;
  /** Of the window, odd: its height and width. */
  size: number | readonly [number, number];
  stride: number;
  /** Of the taps along a side that is longer than 1; 1 by default. */
  dilation?: number;
  groups: number;
}

/** Height and width of a convolution's window. */
export const windowOf = ({ size }: ConvolutionWorkload): readonly [number, number] =>
  typeof size === "number" ? [size, size] : size;

/**
 * Copying a float32 tensor into another: the least that any operator on it can cost. `memcpy`: by the C library's
 * function, on as many threads as there are for operators; the peers alone do it.
 */
export interface CopyWorkload {
  kind: "copy" | "memcpy";
  shape: readonly number[];
}

/** `calls` additions of two tensors of 16 elements. */
export interface OverheadWorkload {
  kind: "overhead";
  calls: number;
}

/** The sum over processes of so many float32. */
export interface AllReduceWorkload {
  kind: "all-reduce";
  numbers: number;
  ranks: number;
}

/**
 * An epoch over images in files: read, decoded, cut at random and scaled to `side` × `side`, mirrored, standardized, put
 * together to batches on as many threads or processes as there are threads for operators. Parts: `waiting` for batches,
 * and `training`.
 */
export interface LoaderWorkload {
  kind: "loader";
  /** One folder of images per class. */
  folder: string;
  /** Of an epoch; of more in the folder others are left over in each. */
  images: number;
  batch: number;
  side: number;
  /** What is done with each batch; null: nothing. */
  step: NetworkWorkload | null;
}

export type Workload =
  | NetworkWorkload
  | ActivationWorkload
  | BatchNormWorkload
  | ConvolutionWorkload
  | CopyWorkload
  | OverheadWorkload
  | AllReduceWorkload
  | LoaderWorkload;

/** Processes that run a workload together: each is asked the same at the same time (ranks.ts). */
export function ranksOf(workload: Workload): number {
  return ("ranks" in workload ? workload.ranks : undefined) ?? 1;
}

/** How a process of several knows the others: its place among them, and a file that all reach, which is new. */
export const RANK_VARIABLES = { rank: "BENCH_RANK", ranks: "BENCH_RANKS", store: "BENCH_STORE" } as const;

/** Requests by name; all but `describe` act on the workload that was prepared under `key`. */
export type Request =
  | { op: "describe" }
  /** Builds the workload and runs it until it is warm. */
  | { op: "prepare"; key: string; workload: Workload }
  /** Runs `warmUp` times untimed, then `repetitions` times timed. */
  | { op: "run"; key: string; warmUp: number; repetitions: number }
  /** Measures the peak of the resident memory over some repetitions. */
  | { op: "peak"; key: string; repetitions: number };

/** Answer to `describe`. */
export interface Description {
  /** Of libtorch. */
  version: string;
  threads: number;
  /** Contenders of this project: whether the fused kernels are in use. */
  kernels?: boolean;
}

/** Answer to `prepare`. */
export interface Facts {
  /** Trainable scalars of a network. */
  parameters?: number;
}

/** Answer to `run`: medians over the repetitions. */
export interface Timing {
  milliseconds: number;
  /** Of a step: `forward` (with the loss), `backward`, `optimizer`; of an operator: `forward`, `backward`. */
  parts: Record<string, number>;
  /** Minor page faults of the process, per repetition (a mean). */
  minorFaults: number;
}

/** Answer to `peak`. */
export interface Peak {
  mebibytes: number;
}
