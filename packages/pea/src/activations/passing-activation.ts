import type { Module } from "@pea/torch";

/** A module at the place of a ReLU while a network trains, by which a method comes to ReLU in the end. */
export interface PassingActivation extends Module {
  /** What it computes beside ReLU still, for errors: `an ensemble with alpha 0.5`; null where that is nothing. */
  readonly unfinished: string | null;
}

export function isPassing(module: Module): module is PassingActivation {
  return "unfinished" in module;
}
