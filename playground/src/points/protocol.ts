/** What the page and the thread that trains say to each other. */
import type { PhaseName } from "@pea/core";
import type { ContenderSettings, Kind } from "../contender.ts";
import type { Point } from "./data.ts";

export const kinds: readonly Kind[] = ["relu", "pea", "smooth"];

/** Points of a side of the grid on which regions are shown. */
export const GRID = 48;

export type ToWorker =
  | {
      readonly type: "train";
      readonly points: readonly Point[];
      readonly steps: number;
      readonly settings: ContenderSettings;
    }
  | { readonly type: "pause" | "resume" };

/** How a network stands. */
export interface Standing {
  readonly loss: number;
  /** Share of the points told right, as the network is and with ReLU alone. */
  readonly accuracy: number;
  readonly deployedAccuracy: number;
  /** Probability of the second kind over the grid, row by row from above, in 255ths. */
  readonly regions: Uint8Array;
}

export interface Progress {
  readonly type: "progress";
  /** Steps done. */
  readonly step: number;
  readonly alpha: number;
  readonly phase: PhaseName;
  readonly standings: Readonly<Record<Kind, Standing>>;
  /** tfjs's tensors alive. */
  readonly tensors: number;
}
