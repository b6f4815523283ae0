/** What the page and the thread that trains say to each other. */
import type { PhaseName } from "@pea/core";
import type { ContenderSettings } from "../contender.ts";

/** The networks that are compared. */
export const kinds = ["relu", "pea"] as const;
export type Compared = (typeof kinds)[number];

export type ToWorker =
  | {
      readonly type: "train";
      readonly count: number;
      readonly epochs: number;
      readonly seeds: number;
      readonly settings: Omit<ContenderSettings, "seed">;
    }
  | { readonly type: "pause" | "resume" };

/** How a training stands after an epoch. Accuracies are shares of the test images. */
export interface EpochDone {
  readonly type: "epoch";
  readonly seed: number;
  readonly kind: Compared;
  /** Epochs done. */
  readonly epoch: number;
  readonly loss: number;
  readonly accuracy: number;
  /** With ReLU alone. */
  readonly deployedAccuracy: number;
  readonly alpha: number;
  readonly phase: PhaseName;
  /** tfjs's tensors alive. */
  readonly tensors: number;
}

/** A network that has finished. */
export interface NetworkDone {
  readonly type: "network";
  readonly seed: number;
  readonly kind: Compared;
  readonly accuracy: number;
  /** Of PEA: the plain ReLU model, as tfjs saves it. */
  readonly files: { readonly json: string; readonly weights: ArrayBuffer } | null;
}

export type FromWorker =
  | EpochDone
  | NetworkDone
  | { readonly type: "step"; readonly done: number; readonly total: number }
  | { readonly type: "failed"; readonly reason: string };
